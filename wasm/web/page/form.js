// The form and the configuration that it stands for: `spec` of a functionConfig as an object.

const form = () => document.getElementById('form').elements;
const value = (field) => form()[field].value;
const ticked = (field) => form()[field].checked;

// What the plan has to know of the platform.
export function about() {
  const istio = {};
  if (value('mode') !== 'none') istio.mode = value('mode');
  if (value('platform')) istio.platform = value('platform');
  return Object.keys(istio).length ? { istio } : undefined;
}

export const isProposed = () => value('level') === 'proposed';
export const isOwn = () => ticked('own');
export const mode = () => value('mode');

// What the form asks for; undefined where the plan proposes it.
export function spec() {
  if (isProposed()) return undefined;
  const asked = {};
  const podSecurity = {};
  if (value('level') !== 'none') podSecurity.enforce = value('level');
  if (value('warn')) podSecurity.warn = value('warn');
  if (value('users')) podSecurity.userNamespaces = { enforce: value('users') };
  if (Object.keys(podSecurity).length) asked.podSecurity = podSecurity;
  const { istio } = about() ?? {};
  if (istio) asked.istio = istio;
  if (istio?.mode === 'ambient' && ticked('waypoints')) istio.ambient = { waypoints: 'auto' };
  const workloads = {};
  if (ticked('harden')) workloads.harden = 'restricted';
  if (ticked('harden') && ticked('assumeNonRoot')) workloads.assumeNonRoot = true;
  if (Object.keys(workloads).length) asked.workloads = workloads;
  if (ticked('onViolation')) asked.onViolation = 'warn';
  return asked;
}

// What has no effect cannot be chosen.
export function settle() {
  const proposed = isProposed();
  const own = isOwn();
  for (const field of ['harden', 'warn', 'users', 'onViolation']) form()[field].disabled = proposed || own;
  form().assumeNonRoot.disabled = proposed || own || !ticked('harden');
  form().waypoints.disabled = proposed || own || value('mode') !== 'ambient';
  form().platform.disabled = own;
  for (const field of ['level', 'mode']) for (const radio of form()[field]) radio.disabled = own;
  const asItIs = [...form().mode].find((radio) => radio.value === 'none');
  asItIs.disabled ||= proposed;
  if (proposed && asItIs.checked) form().mode.value = 'cni';
  document.getElementById('decided').hidden = !proposed || own;
}

// Sets the form, as a cell of the matrix asks for. What the plan calls hardened takes all images to run without root.
export function choose({ level, mode, harden }) {
  form().own.checked = false;
  form().level.value = level;
  form().mode.value = mode;
  form().harden.checked = form().assumeNonRoot.checked = harden;
  settle();
}

// Whether the form stands for a cell of the matrix.
export const isChosen = ({ level, mode, harden }) =>
  !isOwn() && value('level') === level && value('mode') === mode && ticked('harden') === harden && (!harden || ticked('assumeNonRoot'));
