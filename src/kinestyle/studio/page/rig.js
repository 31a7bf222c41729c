/** What was found of a clip's rig: which joint plays which role and how surely. */

/** Confidence below which a row is pointed out, as `kinestyle inspect` does. */
const DOUBTFUL = 0.5;

/** The value of the choice that stands for a file: it is there only while it is chosen. */
const FROM_FILE = 'file';

/**
 * @param {HTMLDetailsElement} container
 * @param {object} inspection  what `kinestyle inspect --json` prints
 */
export function showRig(container, inspection) {
  const { joints, missing, unmapped, family, joint_count: count, up, unit } = inspection;
  const found = Object.entries(joints);
  const least = Math.min(...found.map(([, { confidence }]) => confidence));
  const summary = container.querySelector('summary');
  const bold = document.createElement('b');
  bold.textContent = family === 'unknown' ? 'Unknown rig' : `${family} rig`;
  summary.replaceChildren(
    bold,
    `, ${found.length} of ${found.length + missing.length} roles, each ≥ ${least.toFixed(2)}`,
  );

  const table = document.createElement('table');
  for (const [role, { joint, confidence }] of found)
    row(table, role, joint, confidence.toFixed(2), confidence < DOUBTFUL);
  for (const role of missing) row(table, role, 'none', '', true);
  const rest = document.createElement('p');
  rest.className = 'hint';
  const others = unmapped.length
    ? `Without a role: ${unmapped.join(', ')}.`
    : 'Every joint has a role.';
  rest.textContent = `${count} joints, ${up} up, in ${unit}. ${others}`;
  container.querySelector('.rig-table').replaceChildren(table, rest);
}

/**
 * What can be said of a clip's rig, in a select.
 * @param {HTMLSelectElement} select
 * @param {string[]} families
 * @param {import('./service.js').StatedRig | null} rig  what is said of it now
 */
export function showRigChoice(select, families, rig) {
  const options = [
    new Option('found in the clip', ''),
    ...families.map((family) => new Option(family, family)),
  ];
  if (rig?.file) options.push(new Option(rig.file.name, FROM_FILE));
  select.replaceChildren(...options);
  select.value = rig?.file ? FROM_FILE : (rig?.family ?? '');
}

/**
 * Which of a clip's animations is read, in a select within a row that is hidden where there is no
 * choice.
 * @param {HTMLElement} row
 * @param {object} inspection
 */
export function showAnimationChoice(row, { animation, animations }) {
  const select = row.querySelector('select');
  row.hidden = animations.length < 2;
  select.replaceChildren(
    ...animations.map(({ name, seconds, moves }) => {
      const words = `${name}, ${seconds.toFixed(1)} s${moves ? '' : ', nothing moves'}`;
      return new Option(words, name);
    }),
  );
  select.value = animation ?? '';
}

/**
 * What is said of how a clip's file is to be read, in the fields of a row that are named as over
 * HTTP.
 * @param {HTMLElement} row
 * @param {Object<string, string>} reading
 */
export function showReading(row, reading) {
  for (const field of row.querySelectorAll('select, input')) field.value = reading[field.name] ?? '';
}

/** @param {HTMLElement} row @returns {Object<string, string>} what is said, by field */
export const chosenReading = (row) =>
  Object.fromEntries(
    [...row.querySelectorAll('select, input')]
      .filter(({ value }) => value)
      .map(({ name, value }) => [name, value]),
  );

/** @param {HTMLSelectElement} select @returns {import('./service.js').StatedRig | null} */
export const chosenRig = ({ value }) => (value ? { family: value } : null);

function row(table, role, joint, trust, doubtful) {
  const line = table.insertRow();
  if (doubtful) line.className = 'doubtful';
  for (const text of [role.replaceAll('_', ' '), joint, trust])
    line.insertCell().textContent = text;
}
