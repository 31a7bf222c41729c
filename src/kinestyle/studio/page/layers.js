/** What is shown beside the bodies, and how: a button each. */
import { buildSegments, pressSegments } from './panel.js';

const LAYERS = [
  ['mesh', 'Mesh', 'The file’s own character; without it, its bones (H)'],
  ['follow', 'Follow', 'The camera goes along (F)'],
  ['path', 'Path', 'The path of the hips over the floor'],
  ['prints', 'Prints', 'Where feet stood, coloured where they slid'],
  ['fit', 'Fit', 'Fit the view (0)'],
];

export class Layers {
  /**
   * @param {HTMLElement} group
   * @param {import('./stage.js').Stage} stage
   * @param {import('./view.js').View} view
   * @param {import('./models.js').Models} models
   */
  constructor(group, stage, view, models) {
    Object.assign(this, { group, stage, view, models });
    buildSegments(group, LAYERS, (name) => this.toggle(name));
    this.show();
  }

  /** @param {string} name */
  toggle(name) {
    const { stage, view } = this;
    if (name === 'fit') stage.fit();
    else if (name === 'mesh') view.setDressed(!view.dressed);
    else if (name === 'follow') stage.setFollow(!stage.follow);
    else stage.layers[name] = !stage.layers[name];
    this.show();
    stage.touch();
  }

  show() {
    const { stage, view, models } = this;
    const is = { fit: null, mesh: view.dressed, follow: stage.follow, ...stage.layers };
    pressSegments(this.group, (name) => is[name]);
    this.group.querySelector('[data-value=mesh]').hidden = !models.some;
  }
}
