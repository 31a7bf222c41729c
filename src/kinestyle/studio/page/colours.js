/** The colours of theme.css for what is drawn, and the switch between light and dark. */
import { Vector3 } from './three/three.js';

/** Names of the custom properties that the viewer's programs take as uniforms of the same name. */
export const DRAWN = [
  'ground',
  'grid',
  'shade',
  'still',
  'slow',
  'sliding',
  'original',
  'restyled',
];

const KEPT = 'kinestyle-theme';

/**
 * @returns {Record<string, {value: Vector3}>} uniforms, sRGB from 0 to 1; `readColours` fills them
 */
export function colourUniforms() {
  return Object.fromEntries(DRAWN.map((name) => [name, { value: new Vector3() }]));
}

/** @param {Record<string, {value: Vector3}>} uniforms */
export function readColours(uniforms) {
  for (const name of DRAWN) {
    const hex = parseInt(colour(name).slice(1), 16);
    uniforms[name].value.set((hex >> 16) / 255, ((hex >> 8) & 255) / 255, (hex & 255) / 255);
  }
}

/** @param {string} name @returns {string} '#rrggbb' */
export function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/**
 * Follow the system until the person has chosen; `changed` is called whenever the colours are
 * others.
 */
export function followTheme(changed) {
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const kept = () => localStorage.getItem(KEPT);
  const apply = () => {
    document.documentElement.dataset.theme = kept() ?? (dark.matches ? 'dark' : 'light');
    changed();
  };
  dark.addEventListener('change', apply);
  apply();
  return function switchTheme() {
    const next = document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark';
    // what the system says anyway need not be remembered
    if ((next === 'dark') === dark.matches) localStorage.removeItem(KEPT);
    else localStorage.setItem(KEPT, next);
    apply();
  };
}
