/**
 * What the viewport shows: original and result side by side or overlaid, or one clip in many
 * styles at once.
 */
import { Character } from './character.js';
import { bodySize } from './stage.js';

/** How much of the original is there where it is overlaid. */
const GHOST = 0.5;

/** Characters in the grid at first, the original among them. */
export const GRID_SIZE = 12;

/** Whether a view has many cells: of styles, or of takes. */
export const isGrid = (mode) => mode === 'grid' || mode === 'takes';

/** Vertices that are moved at once in the grid; of more, its cells show capsules. */
const MOST_IN_GRID = 1_500_000;

/**
 * @typedef {import('./character.js').Character} Character
 * @typedef {Object} Variant   a cell of the grid
 * @property {string} label
 * @property {object} request
 * @property {() => void} choose
 */

export class View {
  mode = 'side';
  /** @type {Character | null} */
  original = null;
  /** @type {Character | null} */
  result = null;
  resultLabel = '';
  /** What is there already of the next result: the seconds around the playhead. */
  part = null;
  /** The other of two results. @type {Character | null} */
  other = null;
  otherLabel = '';
  /** Which of the two the result is. @type {'A' | 'B'} */
  slot = 'A';
  /** The clip's own character. @type {import('./mesh.js').Model | null} */
  model = null;
  /** Whether that is shown where there is one, not capsules. */
  dressed = true;
  /** Called with the frames of the longest motion that is shown; shorter ones wait at their end. */
  arranged = (frameCount) => {};
  /** @type {{variant: Variant, character: Character | null}[]} */
  variants = [];

  /**
   * @param {import('./stage.js').Stage} stage
   * @param {HTMLElement} overlay  where the cells' labels go
   */
  constructor(stage, overlay) {
    this.stage = stage;
    this.overlay = overlay;
    stage.resized = () => this.arrange();
  }

  setOriginal(motion, label) {
    this.original?.dispose();
    this.result?.dispose();
    this.other?.dispose();
    this.result = this.other = null;
    this.#dropPart();
    this.resultLabel = this.otherLabel = '';
    this.model = null;
    this.original = this.#character(motion, 'original');
    this.originalLabel = label;
    this.clearVariants();
    this.arrange();
    this.stage.fit();
  }

  /**
   * @param {number} from  the frame of the clip at which it begins
   * @returns {boolean} whether it is another one than before
   */
  setResult(motion, label, from = 0) {
    this.#dropPart();
    if (this.result?.motion === motion) {
      this.resultLabel = label;
      this.arrange();
      return false;
    }
    this.result?.dispose();
    this.result = this.#character(motion, 'restyled').place(from, this.original.motion.frameTime);
    this.resultLabel = label;
    this.arrange();
    return true;
  }

  /**
   * Show a part in the result's place, until that is there; it waits at its ends.
   * @param {import('./motion.js').Motion | null} motion  null: what was there before
   */
  setPart(motion, label) {
    if (!motion && !this.part) return;
    this.#dropPart();
    if (motion) {
      this.part = this.#character(motion, 'restyled').place(
        motion.firstFrame,
        this.original.motion.frameTime,
      );
      this.partLabel = label;
    }
    this.arrange();
  }

  /**
   * @param {import('./motion.js').Motion} motion
   * @param {'original' | 'restyled'} tint
   */
  #character(motion, tint, detail = 'fine') {
    const { shared, colours } = this.stage;
    const character = new Character(motion, shared, colours[tint], detail);
    this.#dress(character);
    return character;
  }

  #dress(character) {
    const { model, variants } = this;
    const tooMany =
      character.detail !== 'fine' && model?.vertexCount * variants.length > MOST_IN_GRID;
    character.wear(this.dressed && !tooMany ? model : null);
  }

  /** @param {import('./mesh.js').Model | null} model  the character of the clip that is shown */
  setModel(model) {
    this.model = model;
    this.setDressed(this.dressed);
    if (model && !this.stage.isTurned) this.stage.fit();
  }

  /** @param {boolean} dressed  whether its own mesh is shown, where there is one */
  setDressed(dressed) {
    this.dressed = dressed;
    const { original, result, part, other, variants } = this;
    const all = [original, result, part, other, ...variants.map(({ character }) => character)];
    for (const character of all) if (character) this.#dress(character);
    this.stage.touch();
  }

  #dropPart() {
    this.part?.dispose();
    this.part = null;
  }

  clearResult() {
    this.result?.dispose();
    this.result = null;
    this.resultLabel = '';
    this.arrange();
  }

  /**
   * The other of two results, beside which the result is put.
   * @param {import('./session.js').Result | null} result
   */
  setOther(result, label, from = 0) {
    if (this.other?.motion !== result?.motion) {
      this.other?.dispose();
      this.other =
        result &&
        this.#character(result.motion, 'restyled').place(from, this.original.motion.frameTime);
    }
    this.otherLabel = label;
    this.arrange();
  }

  clearVariants() {
    for (const { character } of this.variants) character?.dispose();
    this.variants = [];
  }

  setMode(mode) {
    this.mode = mode;
    this.arrange();
  }

  /**
   * @param {number} at
   * @param {import('./motion.js').Motion} motion
   * @param {number} from  the frame of the clip at which it begins
   */
  setVariant(at, motion, from = 0) {
    this.variants[at].character?.dispose();
    this.variants[at].character = this.#character(motion, 'restyled', 'coarse').place(
      from,
      this.original.motion.frameTime,
    );
    this.arrange();
  }

  /** Give each cell its characters and its label. */
  arrange() {
    const { original, part, stage, mode } = this;
    const result = part ?? this.result,
      label = part ? this.partLabel : this.resultLabel;
    if (!original) return;
    original.opacity.value = 1;
    const first = {
      characters: [original],
      label: this.originalLabel,
      tint: 'original',
      note: 'original',
    };
    const second = {
      characters: result ? [result] : [],
      label: label || 'no result yet',
      tint: 'restyled',
    };
    let cells;
    if (isGrid(mode)) {
      cells = [
        first,
        ...this.variants.map(({ variant, character }) => ({
          characters: character ? [character] : [],
          label: variant.label,
          tint: 'restyled',
          choose: variant.choose,
          chosen: variant.chosen,
        })),
      ];
    } else if (mode === 'both') {
      const here = { ...second, note: this.slot };
      const there = {
        characters: this.other ? [this.other] : [],
        label: this.otherLabel,
        tint: 'restyled',
        note: this.slot === 'A' ? 'B' : 'A',
      };
      cells = this.slot === 'A' ? [here, there] : [there, here];
    } else if (mode === 'overlay' && result) {
      original.opacity.value = GHOST;
      cells = [
        {
          ...second,
          characters: [result, original],
          label,
          note: 'over the original',
        },
      ];
    } else {
      cells = [first, second];
    }
    const [columns, rows] = this.#shape(cells.length);
    this.#label(cells, columns, rows);
    stage.setCells(cells, columns, rows);
    const lengths = cells.flatMap((cell) =>
      cell.characters.map((c) => Math.round(c.clipFrame(c.motion.frameCount - 1)) + 1),
    );
    this.arranged(Math.max(...lengths));
  }

  /** As many columns as make cells that suit an upright body. */
  #shape(count) {
    const { width, height } = this.stage;
    if (count === 1) return [1, 1];
    if (count === 2) {
      const beside = bodySize(width / 2, height) >= bodySize(width, height / 2);
      return beside ? [2, 1] : [1, 2];
    }
    let best = [count, 1],
      least = Infinity;
    for (let columns = 2; columns <= count; columns++) {
      const rows = Math.ceil(count / columns);
      const off =
        Math.abs(Math.log(width / columns / (height / rows) / 1.05)) +
        0.12 * (rows * columns - count);
      if (off < least) [least, best] = [off, [columns, rows]];
    }
    return best;
  }

  #label(cells, columns, rows) {
    const { overlay } = this;
    const two = rows === 2 ? 'two stacked' : 'two';
    overlay.className = `cells ${cells.length > 2 ? 'many' : cells.length === 2 ? two : 'one'}`;
    const even = (count) => `repeat(${count}, minmax(0, 1fr))`;
    overlay.style.gridTemplate = `${even(rows)} / ${even(columns)}`;
    while (overlay.children.length > cells.length) overlay.lastChild.remove();
    cells.forEach((cell, i) => {
      const kind = cell.choose ? 'BUTTON' : 'SPAN';
      let box = overlay.children[i];
      if (box?.firstChild.nodeName !== kind) {
        const fresh = document.createElement('div');
        fresh.append(document.createElement(kind.toLowerCase()));
        if (box) box.replaceWith(fresh);
        else overlay.append(fresh);
        box = fresh;
      }
      box.className = `cell${cell.chosen ? ' chosen' : ''}`;
      const name = box.firstChild;
      name.className = 'name';
      name.style.setProperty('--tint', `var(--${cell.tint})`);
      name.replaceChildren(cell.label);
      if (cell.note && cells.length <= 2) {
        const note = document.createElement('small');
        note.textContent = cell.note;
        name.append(note);
      }
      if (cell.choose) {
        name.type = 'button';
        name.title = 'Choose this one';
        name.onclick = cell.choose;
      }
    });
  }

  /** Characters that are compared: the original and the result. */
  get compared() {
    return [this.original, this.result].filter(Boolean);
  }
}
