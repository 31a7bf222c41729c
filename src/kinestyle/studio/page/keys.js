/** The keyboard: a table of what each key does, and the page that shows it. */

/**
 * @typedef {Object} Key
 * @property {string[]} keys   as `event.key` has them
 * @property {boolean} [control]  with Ctrl, or the command key of a Mac
 * @property {string} shown
 * @property {string} words
 * @property {(event: KeyboardEvent) => void} run
 */

const TYPED = 'input[type="number"], input[type="text"], input[type="search"], textarea';

/** Where text is typed, keys with Ctrl are the browser's. */
const writing = ({ target }) =>
  target instanceof HTMLElement && target.matches(TYPED);

/** Elements that need their own keys: text wants all, a slider arrows, a button the space bar. */
function taken(event) {
  const at = event.target;
  if (!(at instanceof HTMLElement)) return false;
  if (at.closest('dialog')) return true;
  if (at.matches(TYPED)) return true;
  const arrows = event.key.startsWith('Arrow') || event.key === 'Home' || event.key === 'End';
  if (at.matches('select')) return arrows || event.key === ' ' || event.key.length === 1;
  if (at.matches('input[type="range"]')) return arrows;
  return at.matches('button, summary, a') && event.key === ' ';
}

/** @param {Key[]} table */
export function listenForKeys(table) {
  addEventListener('keydown', (event) => {
    const control = event.ctrlKey || event.metaKey;
    if (event.altKey || (control ? writing(event) : taken(event))) return;
    const entry = table.find(
      (one) => Boolean(one.control) === control && one.keys.includes(event.key),
    );
    if (!entry) return;
    event.preventDefault();
    entry.run(event);
  });
}

/** @param {HTMLElement} container  @param {Key[]} table */
export function showKeys(container, table) {
  const list = document.createElement('dl');
  for (const { shown, words } of table) {
    const term = document.createElement('dt'),
      said = document.createElement('dd');
    term.append(
      ...shown
        .split(' ')
        .map((key) => Object.assign(document.createElement('kbd'), { textContent: key }))
        .flatMap((key, i) => (i ? [' ', key] : [key])),
    );
    said.textContent = words;
    list.append(term, said);
  }
  container.replaceChildren(list);
}
