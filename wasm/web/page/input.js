// The render: typed, pasted, dropped or chosen. What is large is not shown, since a text field that holds it would hold
// everything up; and what was pasted keeps its bytes, which a text field would not.

export const MOST = 64_000_000;
const SHOWN = 200_000;

const id = (name) => document.getElementById(name);

export const size = (bytes) =>
  bytes < 1000 ? `${bytes} bytes` : (bytes < 100_000 ? `${(bytes / 1000).toFixed(1)} kB` : `${(bytes / 1_000_000).toFixed(1).replace('.0', '')} MB`);

export class Input {
  #number = 0;
  current = null; // { id, blob, name }

  // `changed` is called with what there is now, `refused` with what is too large.
  constructor(changed, refused) {
    this.changed = changed;
    this.refused = refused;
    const text = id('text');
    let timer;
    text.addEventListener('input', () => {
      clearTimeout(timer);
      timer = setTimeout(() => this.#take(new Blob([text.value]), ''), 400);
    });
    text.addEventListener('paste', (event) => {
      const pasted = event.clipboardData.getData('text/plain');
      const whole = text.selectionStart === 0 && text.selectionEnd === text.value.length;
      if (!pasted || !whole) return;
      event.preventDefault();
      this.put(pasted, 'What was pasted');
    });
    id('file').addEventListener('change', () => {
      const [file] = id('file').files;
      if (file) this.file(file);
      id('file').value = '';
    });
    id('clear').addEventListener('click', () => this.clear());
    this.#drops();
  }

  #drops() {
    const zone = id('drop');
    const has = (event) => [...event.dataTransfer.types].some((type) => type === 'Files' || type === 'text/plain');
    // A file that misses the zone must not take the place of the page.
    for (const type of ['dragover', 'drop']) window.addEventListener(type, (event) => event.preventDefault());
    zone.addEventListener('dragover', (event) => zone.classList.toggle('over', has(event)));
    zone.addEventListener('dragleave', (event) => zone.contains(event.relatedTarget) || zone.classList.remove('over'));
    zone.addEventListener('drop', (event) => {
      zone.classList.remove('over');
      const [file] = event.dataTransfer.files;
      const text = event.dataTransfer.getData('text/plain');
      if (file) this.file(file);
      else if (text) this.put(text, 'What was dropped');
    });
  }

  // A text, with its bytes as they are.
  put(text, name) {
    id('text').value = text.length <= SHOWN ? text : '';
    this.#take(new Blob([text]), name, text.length > SHOWN);
  }

  file(file) {
    id('text').value = '';
    this.#take(file, file.name, true);
  }

  clear() {
    id('text').value = '';
    this.#take(new Blob([]), '');
    id('text').focus();
  }

  #take(blob, name, away = false) {
    if (blob.size > MOST) return this.refused(blob, name);
    this.current = blob.size === 0 && !away ? null : { id: ++this.#number, blob, name };
    id('writing').hidden = away;
    id('held').hidden = !away;
    id('clear').hidden = this.current === null;
    id('held-name').textContent = name;
    id('held-size').textContent = size(blob.size);
    this.changed(this.current);
  }
}
