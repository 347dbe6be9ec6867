//! Which Istio a list holds: every control plane with its revision, version, images, labels and mode.
//!
//! An install is one istiod and the ConfigMap from which it injects, of one revision in one namespace. What is not in
//! the list and not configured is an error that names the object or the key that would settle it; nothing is guessed.
//! Inside kustomize names are not final, so the names before the renaming count too.

mod cni;
mod image;
mod ztunnel;

pub use cni::ExistingCni;
pub use image::{Images, Stated};
pub use ztunnel::ExistingZtunnel;

use serde_json::Value;

use super::facts::{Facts, FactsLookup, facts_for};
use super::mode_settings::{Redirection, injector_flags};
use super::objects::cni::{InstallLabels, RecommendedLabels};
use super::platform::Platform;
use super::version::Version;
use crate::krm::{Error, Item, List};
use crate::kube::names::previous_names;
use crate::yaml::de;
use crate::yaml::embedded::Embedded;
use crate::yaml::tree::{Tree, View};

/// Name of the ConfigMap that the injector reads, without the revision.
pub const INJECTOR: &str = "istio-sidecar-injector";
/// Name of istiod's Deployment, without the revision.
pub const ISTIOD: &str = "istiod";
/// Name of the ConfigMap with the mesh's settings, without the revision.
const MESH: &str = "istio";
/// istiod's container.
pub const DISCOVERY: &str = "discovery";

/// One control plane.
#[derive(Clone, Debug, PartialEq)]
pub struct Install {
    /// Namespace of istiod and of the ConfigMap.
    pub namespace: String,
    /// `istio.io/rev`; None for the default revision.
    pub revision: Option<String>,
    /// istiod's version.
    pub version: Version,
    /// What is known of that version.
    pub facts: &'static Facts,
    /// The version is newer than all that is known: the facts are those of the newest known one.
    pub is_newer: bool,
    /// Place of istiod's Deployment in the list.
    pub istiod: Option<usize>,
    /// Place of the injector's ConfigMap in the list.
    pub injector: usize,
    /// Place of the ConfigMap that repeats the values, where there is one.
    pub values_copy: Option<usize>,
    /// Place of the ConfigMap with the mesh's settings, where there is one.
    pub mesh: Option<usize>,
    /// istiod serves ztunnel.
    pub ambient: bool,
    /// The accounts that istiod lets ask for the certificates of others (`CA_TRUSTED_NODE_ACCOUNTS`).
    pub trusted_accounts: Option<String>,
    /// The injector's values.
    pub values: Value,
    /// Registry and tag of the images.
    pub images: Images,
    /// How the install labels its objects.
    pub labels: InstallLabels,
    /// The platform that istiod or the injector is told.
    pub platform: Option<Platform>,
    /// Injected pods bring their own proxy up before other containers start.
    pub native_sidecars: bool,
    /// Pull secrets of istiod's ServiceAccount.
    account_secrets: Vec<String>,
}

impl Install {
    /// How injected pods are redirected now.
    #[must_use]
    pub fn redirection(&self) -> Redirection {
        let on = injector_flags(self.facts).iter().any(|path| self.value(path) == Some(&Value::Bool(true)));
        if on { Redirection::IstioCni } else { Redirection::IstioInit }
    }

    /// What the injector's values hold at a path.
    #[must_use]
    pub fn value(&self, path: &[&str]) -> Option<&Value> {
        path.iter().try_fold(&self.values, |value, key| value.get(key))
    }

    /// A text of the injector's values; None where it is empty.
    #[must_use]
    pub fn text(&self, path: &[&str]) -> Option<&str> {
        self.value(path).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    /// `global.imagePullSecrets`, which are plain names, else those that someone gave istiod's own ServiceAccount.
    #[must_use]
    pub fn pull_secrets(&self) -> Vec<String> {
        let secrets = self.value(&["global", "imagePullSecrets"]).and_then(Value::as_array);
        let names: Vec<String> =
            secrets.into_iter().flatten().filter_map(|name| name.as_str().map(str::to_owned)).collect();
        if names.is_empty() { self.account_secrets.clone() } else { names }
    }

    /// `default`, or the revision's name.
    #[must_use]
    pub fn revision_name(&self) -> &str {
        self.revision.as_deref().unwrap_or("default")
    }
}

/// A resource of one of the kinds that an install consists of.
struct Part {
    index: usize,
    namespace: String,
    revision: Option<String>,
}

impl Part {
    fn is_of(&self, other: &Self) -> bool {
        self.namespace == other.namespace && self.revision == other.revision
    }
}

/// istiod, as its Deployment describes it.
struct Istiod {
    part: Part,
    image: String,
    labels: InstallLabels,
    platform: Option<Platform>,
    native_sidecars: bool,
    ambient: bool,
    trusted_accounts: Option<String>,
    account: String,
}

/// All control planes of a list, in the order of their injectors.
///
/// # Errors
/// Where one of them is incomplete, cannot be read, or is older than all that is known.
pub fn find(list: &List<'_>, stated: &Stated<'_>) -> Result<Vec<Install>, Error> {
    let (mut istiods, mut injectors, mut copies, mut meshes) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (index, item) in list.items().iter().enumerate().filter(|(_, item)| !item.is_local_config()) {
        if item.is("apps/v1", "Deployment") && (item.name().contains(ISTIOD) || item.text().contains(DISCOVERY)) {
            istiods.extend(read_istiod(index, item)?);
        } else if item.is("v1", "ConfigMap") && item.name().contains(INJECTOR) {
            injectors.push(index);
        } else if item.is("v1", "ConfigMap") && item.name().contains("values") && item.text().contains("merged-values")
        {
            let parsed = item.parse()?;
            let Some(root) = parsed.root() else { continue };
            copies.push(part(index, item, root, "values"));
        } else if item.is("v1", "ConfigMap") && item.name().contains(MESH) && item.text().contains("mesh:") {
            let parsed = item.parse()?;
            let Some(root) = parsed.root().filter(|root| root.find(&["data", "mesh"]).is_some()) else { continue };
            meshes.push(part(index, item, root, MESH));
        }
    }
    let mut installs = Vec::new();
    for index in injectors {
        let Some(item) = list.items().get(index) else { continue };
        let parsed = item.parse()?;
        let Some(root) = parsed.root() else { continue };
        let part = part(index, item, root, INJECTOR);
        let values = text_values(item, root, "values")?;
        let istiod = istiods.iter().position(|istiod| istiod.part.is_of(&part)).map(|at| istiods.swap_remove(at));
        let image = istiod.as_ref().map(|istiod| istiod.image.as_str());
        let about = istiod.as_ref().and_then(|istiod| list.items().get(istiod.part.index)).unwrap_or(item);
        let (version, images) = image::resolve(about, image, &values, stated)?;
        let (facts, is_newer) = match facts_for(&version) {
            FactsLookup::Known(facts) => (facts, false),
            FactsLookup::Newer(facts) => (facts, true),
            FactsLookup::TooOld => {
                return Err(about.error(format!("Istio {version} is too old: 1.17 is the oldest that unroot knows")));
            }
        };
        let platform_word = values.pointer("/global/platform").and_then(Value::as_str).unwrap_or_default();
        installs.push(Install {
            values_copy: copies.iter().find(|copy| copy.is_of(&part)).map(|copy| copy.index),
            mesh: meshes.iter().find(|mesh| mesh.is_of(&part)).map(|mesh| mesh.index),
            namespace: part.namespace,
            revision: part.revision,
            version,
            facts,
            is_newer,
            istiod: istiod.as_ref().map(|istiod| istiod.part.index),
            injector: index,
            images,
            labels: istiod.as_ref().map_or_else(|| install_labels(root), |istiod| istiod.labels.clone()),
            platform: platform_word.parse().ok().or(istiod.as_ref().and_then(|istiod| istiod.platform)),
            account_secrets: istiod.as_ref().map_or(Ok(Vec::new()), |istiod| account_secrets(list, istiod))?,
            ambient: istiod.as_ref().is_some_and(|istiod| istiod.ambient),
            trusted_accounts: istiod.as_ref().and_then(|istiod| istiod.trusted_accounts.clone()),
            native_sidecars: istiod.is_some_and(|istiod| istiod.native_sidecars),
            values,
        });
    }
    if let Some(istiod) = istiods.first()
        && let Some(item) = list.items().get(istiod.part.index)
    {
        let name =
            istiod.part.revision.as_ref().map_or(INJECTOR.to_owned(), |revision| format!("{INJECTOR}-{revision}"));
        return Err(item.error(format!(
            "ConfigMap \"{name}\" of this istiod is not in the input, and the data plane mode is set there; add it"
        )));
    }
    Ok(installs)
}

/// A ConfigMap's text of values as data.
///
/// # Errors
/// Where it is missing or is no mapping in JSON or YAML.
pub fn text_values(item: &Item<'_>, root: View<'_>, key: &str) -> Result<Value, Error> {
    let field = format!("data.{key}");
    let Some(view) = root.find(&["data", key]) else {
        return Err(item.error(format!("must have the key `{field}`")).at_field(field));
    };
    let Some(embedded) = Embedded::of(view) else {
        return Err(item.error_at("must be a text", view.line()).at_field(field));
    };
    let text = embedded.text();
    let wrong =
        |message: String, line: usize| item.error_at(message, embedded.outer_line(line)).at_field(field.clone());
    let tree = Tree::parse(text)
        .map_err(|error| wrong(format!("the text is not valid JSON or YAML: {}", error.message), error.line))?;
    let Some(inner) = tree.root(text).filter(View::is_mapping) else {
        return Err(wrong("the text must be a mapping in JSON or YAML".to_owned(), 1));
    };
    if let Some((key, _)) = inner.duplicate_key() {
        return Err(wrong(format!("key `{}` is there twice; remove one", key.scalar_text()), key.line()));
    }
    de::from_view(inner).map_err(|error| wrong(error.message.clone(), error.line.unwrap_or(1)))
}

/// The names of a resource: its own and those that it had before kustomize renamed it.
#[must_use]
pub fn names(item: &Item<'_>, root: View<'_>) -> Vec<String> {
    let mut names = vec![item.name().to_owned()];
    names.extend(previous_names(root));
    names
}

/// All labels of a resource.
#[must_use]
pub fn labels<'t>(root: View<'t>) -> Vec<(&'t str, &'t str)> {
    let labels = root.find(&["metadata", "labels"]).into_iter().flat_map(|labels| labels.entries());
    labels.map(|(key, value)| (key.scalar_text(), value.scalar_text())).collect()
}

/// A label's value.
#[must_use]
pub fn label<'t>(root: View<'t>, key: &str) -> Option<&'t str> {
    root.find(&["metadata", "labels", key]).map(|value| value.scalar_text()).filter(|value| !value.is_empty())
}

fn part(index: usize, item: &Item<'_>, root: View<'_>, base: &str) -> Part {
    let labelled = label(root, "istio.io/rev").map(str::to_owned);
    let named =
        || names(item, root).iter().find_map(|name| name.strip_prefix(base)?.strip_prefix('-').map(str::to_owned));
    let revision = labelled.or_else(named).filter(|revision| revision != "default");
    Part { index, namespace: item.namespace().to_owned(), revision }
}

fn read_istiod(index: usize, item: &Item<'_>) -> Result<Option<Istiod>, Error> {
    let parsed = item.parse()?;
    let Some(root) = parsed.root() else { return Ok(None) };
    let is_named = names(item, root)
        .iter()
        .any(|name| name.strip_prefix(ISTIOD).is_some_and(|rest| rest.is_empty() || rest.starts_with('-')));
    let is_labelled = label(root, "app") == Some(ISTIOD) || label(root, "istio") == Some("pilot");
    let Some(container) = discovery(root).filter(|_| is_named || is_labelled) else { return Ok(None) };
    let Some(image) = container.get("image").and_then(|image| image.as_str()) else {
        return Err(item.error("container `discovery` must have an image"));
    };
    let variable = |name: &str| {
        let env = container.get("env").into_iter().flat_map(|env| env.items());
        let found = env.into_iter().find(|variable| variable.get("name").and_then(|name| name.as_str()) == Some(name));
        found.and_then(|variable| variable.get("value")).map(|value| value.scalar_text())
    };
    let mut part = part(index, item, root, ISTIOD);
    if part.revision.is_none() {
        part.revision = variable("REVISION").filter(|word| !word.is_empty() && *word != "default").map(str::to_owned);
    }
    Ok(Some(Istiod {
        part,
        image: image.to_owned(),
        labels: install_labels(root),
        platform: variable("PLATFORM").and_then(|word| word.parse().ok()),
        native_sidecars: variable("ENABLE_NATIVE_SIDECARS") == Some("true"),
        ambient: ["PILOT_ENABLE_AMBIENT", "PILOT_ENABLE_AMBIENT_CONTROLLERS"]
            .iter()
            .any(|name| variable(name) == Some("true")),
        trusted_accounts: variable("CA_TRUSTED_NODE_ACCOUNTS").map(str::to_owned),
        account: root
            .find(&["spec", "template", "spec", "serviceAccountName"])
            .map(|name| name.scalar_text().to_owned())
            .unwrap_or_default(),
    }))
}

fn account_secrets(list: &List<'_>, istiod: &Istiod) -> Result<Vec<String>, Error> {
    let account = list.items().iter().find(|item| {
        item.is("v1", "ServiceAccount") && item.name() == istiod.account && item.namespace() == istiod.part.namespace
    });
    let Some(item) = account.filter(|item| !item.is_local_config()) else { return Ok(Vec::new()) };
    let parsed = item.parse_to_read()?;
    let secrets = parsed.root().and_then(|root| root.get("imagePullSecrets"));
    let secrets = secrets.into_iter().flat_map(|secrets| secrets.items());
    Ok(secrets.filter_map(|secret| secret.get("name")).map(|name| name.scalar_text().to_owned()).collect())
}

/// istiod's container in its Deployment.
#[must_use]
pub fn discovery(deployment: View<'_>) -> Option<View<'_>> {
    let containers = deployment.find(&["spec", "template", "spec", "containers"])?;
    containers.items().find(|container| container.get("name").and_then(|name| name.as_str()) == Some(DISCOVERY))
}

/// Helm makes one release of each chart, istioctl, and with it Kubeflow, one of all. `istio-cni` is the name that
/// Istio's documentation gives the release of the CNI chart.
fn install_labels(root: View<'_>) -> InstallLabels {
    let owned = |key: &str| label(root, key).map(str::to_owned);
    let release = match owned("release") {
        Some(release) if release == "istio" => release,
        Some(_) => "istio-cni".to_owned(),
        None => "istio".to_owned(),
    };
    let version = owned("app.kubernetes.io/version");
    InstallLabels {
        release,
        revision: owned("istio.io/rev").filter(|revision| revision != "default"),
        owning_resource: owned("install.operator.istio.io/owning-resource").unwrap_or_else(|| "unknown".to_owned()),
        recommended: owned("app.kubernetes.io/managed-by").zip(version).map(|(managed_by, version)| {
            RecommendedLabels {
                managed_by,
                version,
                chart_version: label(root, "helm.sh/chart")
                    .and_then(|chart| chart.strip_prefix("istiod-"))
                    .map(str::to_owned),
            }
        }),
    }
}
