//! Texts that are worth changing: each breaks a naive reader, or holds what the passes look into.

/// Texts that break a naive splitter, each for the reason in its name.
pub const STRUCTURES: &[(&str, &str)] = &[
    (
        "a plain list",
        "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n- apiVersion: v1\n  kind: Namespace\n  metadata:\n    name: a\n    labels:\n      x: y\n- apiVersion: v1\n  kind: ConfigMap\n  metadata:\n    name: b\n    namespace: a\n  data:\n    k: v\nfunctionConfig:\n  kind: X\n",
    ),
    (
        "items first and indented",
        "items:\n  - kind: A\n    apiVersion: v1\n    metadata:\n      name: x\n  # a comment\n  -\n    kind: B\n    apiVersion: v1\n    metadata: {}\nkind: List\napiVersion: v1\n",
    ),
    (
        "a dash inside a literal at the column of items",
        "items:\n- kind: A\n  data: |\n   - kind: B\n  x: y\n- |\n  - x\n",
    ),
    (
        "an id annotation before the real head",
        "items:\n- apiVersion: v1\n  kind: A\n  metadata:\n    annotations:\n      kustomize.config.k8s.io/id: |\n        kind: Wrong\n        name: wrong\n      config.kubernetes.io/local-config: 'true'\n    name: right\n",
    ),
    ("a dash inside a plain continuation", "items:\n- kind: A\n  a: text\n    - \"x is text: \n- kind: B\n"),
    ("quotes continued", "a: \"x\n  y\n\n  z\"\nb: 'it''s\n  fine'\nc: it's plain # and a comment\n"),
    ("quotes continued at column 0", "a: \"x\ny\"\n"),
    (
        "chomping and indentation",
        "a: |2\n   x\n  y\nb: >1-\n  z\n\nc: |+\n  k\n\n\nd: |-\n\n\n  text\n  # not a comment\n# a comment\ne: |\n",
    ),
    ("a dash alone", "items:\n-\n  kind: A\n- # comment\n  kind: B\n-\n-\n"),
    ("nested dashes", "a:\n- - x\n  - y: z\n    w: - v\n-   - b\nc:\n  - d: e\n    f:\n    - g\n"),
    ("flow items", "items: [ {kind: A, metadata: {name: x}}, {} ]\nkind: List\n"),
    ("carriage returns", "items:\r\n- kind: A\r\n  metadata:\r\n    name: x\r\n  data: |\r\n    text\r\n- kind: B\r\n"),
    ("items inside the configuration", "functionConfig:\n  items:\n  - kind: A\nitems:\n- kind: B\n"),
    (
        "a stream",
        "# head\n---\nkind: A\nmetadata:\n  name: x\n---\n# only a comment\n---\nkind: List\nitems:\n- kind: C\n---\n",
    ),
    ("a stream without a first marker", "kind: A\n---\n---\nkind: B\n...\n"),
    ("colons and hashes inside quotes", "a: 'b: c # d'\n\"e: f\": g#h\ni: j:k\n"),
    ("anchors", "items:\n- &a\n  kind: A\n  metadata: &m\n    name: x\n- kind: B\n  metadata: *m\n"),
    ("merge keys", "a: &a {x: y}\nb:\n  <<: *a\n  z: w\n"),
    ("tabs", "a:\tb\nc: d\te\n\tf: g\nh: |\n\ti\n  \tj\n"),
    ("explicit keys", "? a\n: b\n? items\n: - kind: A\n"),
    ("directives", "%YAML 1.2\n---\na: b\n...\n%TAG ! tag:x,2000:\n---\nc: !d e\n"),
    (
        "odd heads",
        "kind: 5\napiVersion: ~\nmetadata:\n  name: true\n  labels:\n    a: [b]\n    c:\n      d: e\n  namespace: >-\n    folded\n",
    ),
    ("a head that goes on", "kind: Name\n  space\nmetadata:\n  name: \"a\\tb\"\n  namespace: 'it''s'\n"),
    ("twice the same", "kind: A\nkind: B\nmetadata:\n  name: x\nmetadata:\n  name: y\nitems:\nitems: []\n"),
    ("escapes", "a: \"\\x41 \\u00e9 \\\" \\\\ \\\n  b\"\nc: \"\\q\"\nd: \"\\ud83d\\ude00\"\n"),
    ("deep", "a:\n  b:\n    c:\n      d:\n      - e:\n        - f:\n            g: h\n"),
    ("line breaks of some", "a: b # c\u{85}d: e\nf: \"g\u{2028}h\"\ni: j\u{2029}k\n"),
    (
        "a configuration in flow style",
        "items:\n- kind: A\n  spec: {a: b, c: [d, \"e-*\"], f: {g: {}}} # h\n  x: [a, b]\nfunctionConfig:\n  spec: {podSecurity: {enforce: baseline, names: [x/y.z, \"*\"]}}\n",
    ),
    (
        "json",
        "{\"kind\": \"List\", \"items\": [{\"kind\": \"A\", \"metadata\": {\"name\": \"x\"}}, {\"kind\": \"B\"}]}\n",
    ),
    ("no final newline", "items:\n- kind: A\n  data: |\n    x"),
];

/// What a platform seldom holds, and pods and their templates do.
pub const STYLES: &[(&str, &str)] = &[
    (
        "a pod",
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n  annotations: {}\nspec:\n  containers:\n  - args:\n    - --x\n    - \"y\\n\\t\\\"\\\\ \\x41\\u00e9\"\n    env:\n    - name: 'it''s'\n      value: \"\"\n    command: []\n    resources:\n  volumes:\n  -\n",
    ),
    ("null at the end without a line break", "a:\n  b:"),
    ("an empty element at the end", "- a\n-\n- b: c\n  d:\n-"),
    ("literals", "a: |\n  x\n    y\n\n  z   \n\nb: |-\n  x\n\nc: |+\n  x\n\n\nd: |2\n    x\ne: |\n  x\n     \n"),
    ("a literal that ends the text", "a:\n- |-\n  x: y\n\n  # no comment\n- |\n  last"),
    ("a literal of blank lines", "a: |\n\n\nb: |+\n\nc: |-\n   \nd: e\n"),
    ("plain text on several lines", "a: b   \n  c # d\ne: f\n\n\n  g\n  h  \ni:\n- j\n  k\n- l\n"),
    ("a comment between", "a: # b\n  # c\n  d: e # f\n\n  # g\nh:\n# i\n- j # k\n"),
    (
        "flow collections",
        "a: {b: c, 'd': [e, \"f\"], g: {}, h: [ ], }\ni: [\n  j,\n\n  {k: l},\n  ] # m\nn:\n  o: {\n    p: \"q # r\",\n  }\nr:\n- []\n- {s: [t]}\n",
    ),
    ("deep dashes", "- - - a: b\n      c:\n      - d\n  - e\n- f\n"),
    ("an indented root", "  a: b\n  c:\n  - d\n"),
];

/// Resources that the label passes look into, in many styles.
pub const PLATFORMS: &[&str] = &[
    "# head\napiVersion: v1\nkind: Namespace\nmetadata:\n  name: a # the name\n  labels:\n    x: \"y\"\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: namespace-labels-data, namespace: kubeflow}\ndata:\n  namespace-labels.yaml: |\n    # labels\n    a: \"b\"\n    z: \"y\"\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d, namespace: a}\n",
    "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n- apiVersion: v1\n  kind: Namespace\n  metadata:\n    annotations: &a {b: c}\n    name: a\n    labels:\n      pod-security.kubernetes.io/enforce: restricted\n- {apiVersion: v1, kind: Namespace, metadata: {name: b, labels: {}}}\n- apiVersion: v1\n  kind: Namespace\n  metadata:\n    name: c\n    labels:\n",
    "{\n  \"apiVersion\": \"v1\",\n  \"kind\": \"List\",\n  \"items\": [\n    {\"apiVersion\": \"v1\", \"kind\": \"Namespace\", \"metadata\": {\"name\": \"a\", \"labels\": {\"x\": \"y\"}}},\n    {\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\", \"metadata\": {\"name\": \"namespace-labels-data\"}, \"data\": {\"namespace-labels.yaml\": \"a: b\\n\"}}\n  ]\n}\n",
];

/// All of them.
pub fn all() -> impl Iterator<Item = &'static str> {
    STRUCTURES.iter().chain(STYLES).map(|(_, text)| *text).chain(PLATFORMS.iter().copied())
}
