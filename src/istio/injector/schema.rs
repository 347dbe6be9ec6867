//! The Go types that injection templates look into: Kubernetes' metadata and pod, Istio's mesh and proxy configuration.
//!
//! Templates name fields as Go does (`.Spec.ServiceAccountName`), and a field that is not set has its type's zero value; both
//! are written down here. A field that is missing here is not guessed: the template's result is then unknown.
//!
//! Source of facts: k8s.io/api `core/v1/types.go`, istio.io/api `mesh/v1alpha1/{config,proxy}.proto`.

use serde_json::Value as Json;

/// A Go struct type.
#[derive(Debug)]
pub(super) struct Schema {
    /// Go's name of the type.
    pub(super) name: &'static str,
    /// A protobuf message: has getters, and its JSON may spell fields in snake case.
    pub(super) message: bool,
    /// One of protobuf's wrappers (`BoolValue`): in JSON it is its value.
    pub(super) wrapper: bool,
    /// The fields that are known.
    pub(super) fields: &'static [Field],
}

/// A field of a struct.
#[derive(Debug)]
pub(super) struct Field {
    /// Go's name.
    pub(super) go: &'static str,
    /// The name in JSON.
    pub(super) json: &'static str,
    /// The type.
    pub(super) kind: Kind,
}

/// The type of a field.
#[derive(Debug)]
pub(super) enum Kind {
    /// A string, also one of a named string type.
    Str,
    /// Any integer.
    Int,
    /// A truth value.
    Bool,
    /// `[]string`
    Strings,
    /// `map[string]string`
    Labels,
    /// A protobuf enum with its names in the order of their numbers.
    Enum(&'static [&'static str]),
    /// A list of structs.
    List(&'static Schema),
    /// A pointer to a struct.
    Pointer(&'static Schema),
}

impl Schema {
    /// The member of an object under its JSON name, or, for messages, its name in the `.proto` file.
    pub(super) fn member<'j>(&self, json: &'j Json, name: &str) -> Option<&'j Json> {
        json.get(name).or_else(|| if self.message { json.get(snake_case(name)) } else { None })
    }
}

/// `interceptionMode` → `interception_mode`
pub(super) fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    snake
}

const fn field(go: &'static str, json: &'static str, kind: Kind) -> Field {
    Field { go, json, kind }
}

const fn plain(name: &'static str, fields: &'static [Field]) -> Schema {
    Schema { name, message: false, wrapper: false, fields }
}

const fn message(name: &'static str, fields: &'static [Field]) -> Schema {
    Schema { name, message: true, wrapper: false, fields }
}

const fn wrapper(name: &'static str, fields: &'static [Field]) -> Schema {
    Schema { name, message: true, wrapper: true, fields }
}

/// `metav1.ObjectMeta`
pub(super) static OBJECT_META: Schema = plain(
    "v1.ObjectMeta",
    &[
        field("Name", "name", Kind::Str),
        field("GenerateName", "generateName", Kind::Str),
        field("Namespace", "namespace", Kind::Str),
        field("Labels", "labels", Kind::Labels),
        field("Annotations", "annotations", Kind::Labels),
        field("Finalizers", "finalizers", Kind::Strings),
    ],
);

/// `corev1.PodSpec`
pub(super) static POD_SPEC: Schema = plain(
    "v1.PodSpec",
    &[
        field("InitContainers", "initContainers", Kind::List(&CONTAINER)),
        field("Containers", "containers", Kind::List(&CONTAINER)),
        field("Volumes", "volumes", Kind::List(&VOLUME)),
        field("ImagePullSecrets", "imagePullSecrets", Kind::List(&LOCAL_OBJECT_REFERENCE)),
        field("RestartPolicy", "restartPolicy", Kind::Str),
        field("DNSPolicy", "dnsPolicy", Kind::Str),
        field("NodeSelector", "nodeSelector", Kind::Labels),
        field("ServiceAccountName", "serviceAccountName", Kind::Str),
        field("NodeName", "nodeName", Kind::Str),
        field("HostNetwork", "hostNetwork", Kind::Bool),
        field("HostPID", "hostPID", Kind::Bool),
        field("HostIPC", "hostIPC", Kind::Bool),
        field("Hostname", "hostname", Kind::Str),
        field("Subdomain", "subdomain", Kind::Str),
        field("SchedulerName", "schedulerName", Kind::Str),
        field("PriorityClassName", "priorityClassName", Kind::Str),
    ],
);

static CONTAINER: Schema = plain(
    "v1.Container",
    &[
        field("Name", "name", Kind::Str),
        field("Image", "image", Kind::Str),
        field("Command", "command", Kind::Strings),
        field("Args", "args", Kind::Strings),
        field("WorkingDir", "workingDir", Kind::Str),
        field("Ports", "ports", Kind::List(&CONTAINER_PORT)),
        field("Env", "env", Kind::List(&ENV_VAR)),
        field("VolumeMounts", "volumeMounts", Kind::List(&VOLUME_MOUNT)),
        field("ImagePullPolicy", "imagePullPolicy", Kind::Str),
    ],
);

static CONTAINER_PORT: Schema = plain(
    "v1.ContainerPort",
    &[
        field("Name", "name", Kind::Str),
        field("HostPort", "hostPort", Kind::Int),
        field("ContainerPort", "containerPort", Kind::Int),
        field("Protocol", "protocol", Kind::Str),
        field("HostIP", "hostIP", Kind::Str),
    ],
);

static ENV_VAR: Schema = plain("v1.EnvVar", &[field("Name", "name", Kind::Str), field("Value", "value", Kind::Str)]);

static VOLUME_MOUNT: Schema = plain(
    "v1.VolumeMount",
    &[
        field("Name", "name", Kind::Str),
        field("ReadOnly", "readOnly", Kind::Bool),
        field("MountPath", "mountPath", Kind::Str),
        field("SubPath", "subPath", Kind::Str),
    ],
);

static VOLUME: Schema = plain("v1.Volume", &[field("Name", "name", Kind::Str)]);

static LOCAL_OBJECT_REFERENCE: Schema = plain("v1.LocalObjectReference", &[field("Name", "name", Kind::Str)]);

/// The modes of `ProxyConfig.interceptionMode`.
pub(super) static INTERCEPTION_MODES: [&str; 3] = ["REDIRECT", "TPROXY", "NONE"];

/// `meshconfig.ProxyConfig`
pub(super) static PROXY_CONFIG: Schema = message(
    "v1alpha1.ProxyConfig",
    &[
        field("ConfigPath", "configPath", Kind::Str),
        field("BinaryPath", "binaryPath", Kind::Str),
        field("DiscoveryAddress", "discoveryAddress", Kind::Str),
        field("StatusPort", "statusPort", Kind::Int),
        field("ProxyAdminPort", "proxyAdminPort", Kind::Int),
        field("Concurrency", "concurrency", Kind::Pointer(&INT32_VALUE)),
        field("InterceptionMode", "interceptionMode", Kind::Enum(&INTERCEPTION_MODES)),
        field("ProxyMetadata", "proxyMetadata", Kind::Labels),
        field("HoldApplicationUntilProxyStarts", "holdApplicationUntilProxyStarts", Kind::Pointer(&BOOL_VALUE)),
        field("Tracing", "tracing", Kind::Pointer(&TRACING)),
        field("Image", "image", Kind::Pointer(&PROXY_IMAGE)),
        field("AvailabilityZone", "availabilityZone", Kind::Str),
    ],
);

static BOOL_VALUE: Schema = wrapper("wrapperspb.BoolValue", &[field("Value", "value", Kind::Bool)]);

static INT32_VALUE: Schema = wrapper("wrapperspb.Int32Value", &[field("Value", "value", Kind::Int)]);

static PROXY_IMAGE: Schema = message("v1beta1.ProxyImage", &[field("ImageType", "imageType", Kind::Str)]);

static TRACING: Schema =
    message("v1alpha1.Tracing", &[field("TlsSettings", "tlsSettings", Kind::Pointer(&TLS_SETTINGS))]);

static TLS_SETTINGS: Schema = message(
    "v1alpha3.ClientTLSSettings",
    &[
        field("ClientCertificate", "clientCertificate", Kind::Str),
        field("PrivateKey", "privateKey", Kind::Str),
        field("CaCertificates", "caCertificates", Kind::Str),
        field("CredentialName", "credentialName", Kind::Str),
        field("Sni", "sni", Kind::Str),
    ],
);

/// `meshconfig.MeshConfig`
pub(super) static MESH_CONFIG: Schema = message(
    "v1alpha1.MeshConfig",
    &[
        field("ProxyListenPort", "proxyListenPort", Kind::Int),
        field("ProxyInboundListenPort", "proxyInboundListenPort", Kind::Int),
        field("TrustDomain", "trustDomain", Kind::Str),
        field("RootNamespace", "rootNamespace", Kind::Str),
        field("AccessLogFile", "accessLogFile", Kind::Str),
        field("EnablePrometheusMerge", "enablePrometheusMerge", Kind::Pointer(&BOOL_VALUE)),
        field("EnableAutoMtls", "enableAutoMtls", Kind::Pointer(&BOOL_VALUE)),
        field("IngressClass", "ingressClass", Kind::Str),
        field("DefaultConfig", "defaultConfig", Kind::Pointer(&PROXY_CONFIG)),
    ],
);
