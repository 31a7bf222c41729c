/** Files in: dropped, or picked. */

/** @typedef {import('./service.js').Named} Named */

/** @param {Iterable<File>} files @returns {Named[]} */
const named = (files) => Array.from(files, (file) => ({ name: file.name, bytes: file }));

/** Whether it may be what `kinestyle map` wrote. @param {Named} file */
export const isRig = ({ name }) => name.toLowerCase().endsWith('.json');

/** Whether it is what `kinestyle learn` wrote. @param {Named} file */
export const isStyle = ({ name }) => name.toLowerCase().endsWith('.style');

/**
 * @param {HTMLButtonElement} button
 * @param {HTMLInputElement} input  hidden
 * @param {(files: Named[]) => void} opened
 */
export function pickFiles(button, input, opened) {
  button.addEventListener('click', () => input.click());
  input.addEventListener('change', () => {
    if (input.files.length) opened(named(input.files));
    input.value = '';
  });
}

/**
 * Files may be dropped anywhere; on `inner` they mean something else.
 * @param {HTMLElement} veil   shown while files hover
 * @param {HTMLElement} inner
 * @param {(files: Named[], onInner: boolean) => void} dropped
 */
export function dropFiles(veil, inner, dropped) {
  let depth = 0;
  const over = (event) => event.dataTransfer?.types.includes('Files');
  const onInner = (event) => event.target instanceof Node && inner.contains(event.target);
  const end = () => {
    depth = 0;
    veil.hidden = true;
    inner.classList.remove('over');
  };
  addEventListener('dragenter', (event) => {
    if (over(event)) depth++;
  });
  addEventListener('dragover', (event) => {
    if (!over(event)) return;
    event.preventDefault();
    veil.hidden = onInner(event);
    inner.classList.toggle('over', onInner(event));
  });
  addEventListener('dragleave', (event) => {
    if (over(event) && --depth <= 0) end();
  });
  addEventListener('drop', (event) => {
    if (!over(event)) return;
    event.preventDefault();
    end();
    if (event.dataTransfer.files.length) dropped(named(event.dataTransfer.files), onInner(event));
  });
}

/** Hand a file to the person. @param {Blob} bytes  @param {string} name */
export function saveFile(bytes, name) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(bytes);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
