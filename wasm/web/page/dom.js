// Elements from texts. Nothing of the input is ever read as HTML.

// Controls, blanks that do not look like one, marks without a width: what would hide or turn other text around.
// eslint-disable-next-line no-control-regex
const HIDDEN = /[\0-\x08\x0b-\x1f\x7f-\xa0\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

export const visible = (text) => text.replace(HIDDEN, (character) => `\\u{${character.codePointAt(0).toString(16)}}`);

// element('p', { class: 'note', onclick }, 'text', another)
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith('on')) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, '');
    else if (value !== false && value !== undefined && value !== null) made.setAttribute(name, value);
  }
  made.append(...children.flat().filter((child) => child !== undefined && child !== null && child !== false));
  return made;
}

// A name of the input, of which no character turns those around it.
export const name = (text) => element('bdi', {}, visible(text));

// A sentence in which back-quotes mark code.
export const sentence = (text) => visible(text).split('`').map((part, place) => (place % 2 ? element('code', {}, part) : part));

export const chip = (level) => element('span', { class: `chip ${level}` }, level);

export const count = (number, word) => `${number.toLocaleString('en')} ${word}${number === 1 ? '' : 's'}`;

// What is shown in a part of the page.
export const show = (id, ...children) => document.querySelector(`#${id} .content`).replaceChildren(...children.flat().filter(Boolean));

// Fills `details` when it is first opened.
export function later(properties, summary, fill) {
  const details = element('details', properties, element('summary', {}, ...[summary].flat()));
  const once = () => {
    if (details.childElementCount === 1) details.append(...[fill()].flat());
  };
  if (properties.open) once();
  details.addEventListener('toggle', once);
  return details;
}
