/**
 * The styles to choose from: in groups, the person's favourites first, found by a word, each with a
 * sentence.
 *
 * @typedef {import('./previews.js').Card} Card
 */
import { kept, keep } from './kept.js';

const FAVOURITES = 'favourite-styles';

const element = (id) => document.getElementById(id);

export class Library {
  /** Whole names of styles. @type {string[]} */
  #favourites = kept(FAVOURITES, []);
  /** @type {Card | null} */
  #about = null;

  /** @param {import('./previews.js').Previews} previews  the cards */
  constructor(previews) {
    this.previews = previews;
    this.search = element('style-search');
    this.search.addEventListener('input', () => this.#arrange());
    element('favourite').addEventListener('click', () => this.#switchFavourite());
  }

  /** @param {import('./previews.js').Style[]} styles */
  setStyles(styles) {
    this.previews.setStyles(styles);
    this.#arrange();
  }

  /**
   * One of the person's own, in front.
   * @param {{name: string, seconds: number}} style  @param {string} title
   */
  addOwn(style, title) {
    const sentence = `learned from ${Math.round(style.seconds)} s`;
    const rest = { group: 'Your own', sentence, well_learned: false };
    // its name changes where the server has to be told it again
    this.previews.addStyle(Object.defineProperties(rest, Object.getOwnPropertyDescriptors(style)), title);
    this.#arrange();
  }

  /** What is said of the style that is chosen. @param {string | null} title */
  show(title) {
    this.#about = this.previews.cards.find((card) => card.title === title) ?? null;
    this.#say();
  }

  #say() {
    const card = this.#about,
      favourite = element('favourite');
    element('style-words').replaceChildren();
    favourite.hidden = !card;
    if (!card) return;
    const { style, title } = card;
    const name = Object.assign(document.createElement('b'), { textContent: title });
    const mark = style.well_learned ? ' ● well learned' : '';
    element('style-words').append(name, `: ${style.sentence}${mark}`);
    favourite.setAttribute('aria-pressed', String(this.#favourites.includes(style.name)));
  }

  #switchFavourite() {
    const { name } = this.#about.style,
      old = this.#favourites;
    this.#favourites = old.includes(name) ? old.filter((one) => one !== name) : [...old, name];
    keep(FAVOURITES, this.#favourites);
    this.#arrange();
    this.#say();
  }

  #arrange() {
    const words = this.search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const groups = new Map();
    for (const card of this.previews.cards) {
      const { style, title } = card,
        text = `${title} ${style.group} ${style.sentence}`.toLowerCase();
      if (!words.every((word) => text.includes(word))) continue;
      const group = this.#favourites.includes(style.name) ? 'Favourites' : style.group;
      groups.set(group, [...(groups.get(group) ?? []), card]);
    }
    const favourites = groups.get('Favourites');
    groups.delete('Favourites');
    this.previews.arrange([...(favourites ? [['Favourites', favourites]] : []), ...groups]);
  }
}
