//! How the page looks, and its one script, with the hashes by which the page's policy knows them.
//!
//! A browser that finds another hash says which, on its console, and shows the page without style: the test in Chromium
//! sees both.

/// The style. Colours come in pairs of at least 4.5 to 1, by day and by night.
pub(super) const STYLE: &str = "
:root {
  color-scheme: light dark;
  --page: #fbfbfd; --card: #ffffff; --ink: #1b1f27; --soft: #545c6b; --line: #d5d9e2; --link: #0b57b7; --code: #f1f3f7;
  --privileged: #fbdcd9; --on-privileged: #7d1410; --baseline: #fdedb8; --on-baseline: #5a4100;
  --restricted: #cfeed8; --on-restricted: #0c4f27; --nothing: #eceef3; --on-nothing: #4c5361;
  --plus: #dff5e5; --on-plus: #0c4f27; --minus: #fde4e2; --on-minus: #7d1410;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #12151b; --card: #1a1e26; --ink: #e7eaf0; --soft: #a9b1c0; --line: #353c49; --link: #8ab8ff; --code: #22272f;
    --privileged: #5b1d1a; --on-privileged: #ffd9d5; --baseline: #4c3a08; --on-baseline: #ffe7a6;
    --restricted: #12432a; --on-restricted: #c2f3d3; --nothing: #2a303a; --on-nothing: #b9c0cd;
    --plus: #12341f; --on-plus: #c2f3d3; --minus: #431a19; --on-minus: #ffd9d5;
  }
}
*, *::before, *::after { box-sizing: border-box; }
html { scroll-behavior: smooth; scroll-padding-top: 1rem; }
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
body { margin: 0 auto; max-width: 76rem; padding: 1.5rem clamp(0.75rem, 3vw, 2.5rem) 4rem; background: var(--page); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif; overflow-wrap: anywhere; }
h1 { font-size: clamp(1.5rem, 4vw, 2.1rem); line-height: 1.2; margin: 0 0 0.5rem; letter-spacing: -0.01em; }
h2 { font-size: 1.3rem; margin: 2.5rem 0 0.5rem; }
h3 { font-size: 1.05rem; margin: 1.25rem 0 0.5rem; }
h4 { font-size: 1rem; margin: 0; }
p { margin: 0.4rem 0; }
a { color: var(--link); }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; border-radius: 3px; }
.skip { position: absolute; left: -100vw; }
.skip:focus { position: static; }
.lead { font-size: 1.1rem; color: var(--soft); }
.note { color: var(--soft); font-size: 0.875rem; font-weight: normal; }
code, pre { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace; font-size: 0.85rem; }
code { background: var(--code); border-radius: 4px; padding: 0.1em 0.3em; }
pre { background: var(--code); border: 1px solid var(--line); border-radius: 8px; padding: 0.75rem 1rem; margin: 0.5rem 0;
  white-space: pre-wrap; line-height: 1.45; tab-size: 2; }
pre code { background: none; padding: 0; }
.filters { display: flex; flex-wrap: wrap; gap: 0.5rem 2rem; align-items: center; margin: 1rem 0; }
.filters[hidden], .find[hidden] { display: none; }
.filters fieldset { border: 0; padding: 0; margin: 0; display: flex; flex-wrap: wrap; gap: 0.25rem 1rem; align-items: center; min-width: 0; }
.filters legend { float: left; padding: 0; margin-right: 0.5rem; font-weight: 600; }
.find { display: flex; flex-wrap: wrap; gap: 0.25rem 0.75rem; align-items: center; margin: 0; }
.filters p label { font-weight: 600; }
.filters input[type=search] { font: inherit; color: inherit; background: var(--card); border: 1px solid var(--soft); border-radius: 6px;
  padding: 0.25rem 0.6rem; width: min(14rem, 100%); }
.filters input[type=radio] { accent-color: var(--link); width: 1.05rem; height: 1.05rem; vertical-align: -0.15rem; }
.away { display: none !important; }
.heat { width: 100%; border-collapse: separate; border-spacing: 3px; font-size: 0.95rem; table-layout: fixed; }
.heat th { text-align: left; font-weight: 600; padding: 0.35rem 0.5rem; }
.heat thead th { color: var(--soft); font-size: 0.85rem; }
.heat td { padding: 0.45rem 0.6rem; border-radius: 6px; background: var(--card); vertical-align: top; }
.heat td > span { display: block; }
.heat .hardened { margin-top: 0.25rem; font-size: 0.8rem; }
.heat .privileged, .chip.privileged { background: var(--privileged); color: var(--on-privileged); }
.heat .baseline, .chip.baseline { background: var(--baseline); color: var(--on-baseline); }
.heat .restricted, .chip.restricted { background: var(--restricted); color: var(--on-restricted); }
.heat .nothing, .heat .unknown { background: var(--nothing); color: var(--on-nothing); }
.heat .unknown { outline: 2px dashed var(--on-privileged); outline-offset: -2px; }
.chip { display: inline-block; border-radius: 999px; padding: 0 0.6em; font-size: 0.8rem; line-height: 1.6; font-weight: 600; }
td .chip { outline: 1px solid var(--card); }
.findings ul { padding-left: 1.2rem; }
.severity { font-weight: 700; }
.severity.error { color: var(--on-privileged); }
.severity.warning { color: var(--on-baseline); }
details { min-width: 0; }
summary { cursor: pointer; }
.namespace { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 0.75rem 1rem; margin: 0.75rem 0; }
.namespace > summary h3 { display: inline; margin: 0; }
.pod { border-top: 1px solid var(--line); margin-top: 0.75rem; padding-top: 0.75rem; }
.columns { color: var(--soft); }
.violations { margin: 0.25rem 0 0.5rem; padding-left: 1.2rem; }
.violations li { margin: 0.35rem 0; }
.words { margin: 0; font-weight: 500; }
.mend { margin: 0; color: var(--soft); font-size: 0.9rem; }
.unknown strong { color: var(--on-privileged); }
.snippet > summary, .change > summary { color: var(--soft); font-size: 0.9rem; padding: 0.2rem 0; }
.change > summary { color: var(--ink); }
.kind { display: inline-block; min-width: 4.5rem; color: var(--soft); }
.counts { font-family: ui-monospace, monospace; font-size: 0.85rem; }
.plus { color: var(--on-plus); }
.minus { color: var(--on-minus); }
.diff ins, .diff del, .diff span { display: block; text-decoration: none; margin: 0 -1rem; padding: 0 1rem; min-height: 1.45em; }
.diff ins { background: var(--plus); color: var(--on-plus); }
.diff del { background: var(--minus); color: var(--on-minus); }
.diff .gap { color: var(--soft); }
footer { margin-top: 2.5rem; border-top: 1px solid var(--line); padding-top: 1rem; }
body:has([name=level][value=privileged]:checked) [data-level]:not([data-level=privileged]),
body:has([name=level][value=baseline]:checked) [data-level]:not([data-level=baseline]),
body:has([name=level][value=restricted]:checked) [data-level]:not([data-level=restricted]),
body:has([name=level][value=unknown]:checked) [data-level]:not([data-level=unknown]),
body:has([name=level][value=refused]:checked) [data-level]:not([data-level=refused]),
body:has([name=level][value=allowed]:checked) [data-level]:not([data-level=allowed]) { display: none; }
@media (max-width: 44rem) {
  .heat, .heat tbody, .heat tr, .heat th, .heat td { display: block; }
  .heat thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
  .heat tr { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 0.4rem 0.5rem; margin: 0.6rem 0; }
  .heat td { display: flex; flex-wrap: wrap; justify-content: flex-end; gap: 0 0.6rem; margin: 3px 0; padding: 0.3rem 0.6rem; }
  .heat td::before { content: attr(data-label); margin-right: auto; }
  .heat .hardened { margin-top: 0; }
}
@media print {
  :root { --page: #fff; --card: #fff; }
  html { font-size: 75%; }
  body { max-width: none; padding: 0; font-size: 1rem; }
  .filters, .skip { display: none; }
  .heat td, .chip, .diff ins, .diff del { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  .namespace { border: 0; padding: 0; border-radius: 0; }
  .heat tr, .violations li, h2, h3, h4, summary { break-inside: avoid; }
  h2, h3, h4, summary { break-after: avoid; }
  details::details-content { content-visibility: visible !important; display: block; }
  a { color: inherit; text-decoration: none; }
}
";

/// The script: it finds namespaces by a part of their name. Without it the page says everything as well.
pub(super) const SCRIPT: &str = "
(() => {
  const find = document.getElementById('find');
  if (!find) return;
  const shown = document.getElementById('shown');
  find.closest('[hidden]').hidden = false;
  find.form.addEventListener('submit', (event) => event.preventDefault());
  find.addEventListener('input', () => {
    const word = find.value.trim().toLowerCase();
    const names = new Set();
    for (const part of document.querySelectorAll('[data-ns]')) {
      const away = !part.dataset.ns.toLowerCase().includes(word);
      part.classList.toggle('away', away);
      if (!away) names.add(part.dataset.ns);
    }
    shown.textContent = word ? names.size + ' shown' : '';
  });
})();
";

/// The style's hash.
pub(super) const STYLE_HASH: &str = "sha256-S9unDIFt5exUzMUhh9Piq3r4Ka0m9xLWG4oGzNPAEUY=";

/// The script's hash.
pub(super) const SCRIPT_HASH: &str = "sha256-oLMHo0ciqHe9CtHtNSJ8ZFxfW2wwmqnNW0LWeubhoDE=";
