/** What this browser keeps for the person; a browser that keeps nothing forgets it with the page. */

const PREFIX = 'kinestyle-';

/** @param {string} name  @param {any} otherwise  where nothing is kept  @returns {any} */
export function kept(name, otherwise) {
  try {
    return JSON.parse(localStorage.getItem(PREFIX + name)) ?? otherwise;
  } catch {
    return otherwise;
  }
}

/** @param {string} name  @param {any} value  as JSON */
export function keep(name, value) {
  try {
    localStorage.setItem(PREFIX + name, JSON.stringify(value));
  } catch {
    // nothing is kept here
  }
}
