/**
 * What the person has to know: errors in the server's own sentence, that the server is gone, and
 * what goes on.
 */

import { firstWords } from './messages.js';

const element = (id) => document.getElementById(id);

export class Notices {
  constructor() {
    this.container = element('notices');
    this.away = null;
  }

  /**
   * @param {string} sentence  stays until it is closed or something else is done; a long one begins
   *   as a line
   * @param {HTMLElement | null} remedy  what the person may do about it
   */
  fail(sentence, remedy = null) {
    this.clear();
    const line = firstWords(sentence);
    this.failure = this.#add(line, 'notice', 'alert');
    if (line.endsWith('…')) this.failure.firstChild.append(this.#more(sentence));
    if (remedy) this.failure.firstChild.append(remedy);
    const close = document.createElement('button');
    close.type = 'button';
    close.className = 'quiet';
    close.setAttribute('aria-label', 'Close');
    close.innerHTML = '<svg aria-hidden="true"><use href="#icon-close"/></svg>';
    close.addEventListener('click', () => this.clear());
    this.failure.append(close);
  }

  #more(sentence) {
    const more = Object.assign(document.createElement('button'), {
      type: 'button',
      className: 'small',
      textContent: 'More',
    });
    more.addEventListener('click', () => {
      const text = more.parentElement.firstChild;
      text.data = sentence;
      more.remove();
    });
    return more;
  }

  clear() {
    this.failure?.remove();
    this.failure = null;
  }

  /** @param {string | null} sentence  of what is waited for; null when it is over */
  wait(sentence) {
    this.away?.remove();
    this.away = sentence ? this.#add(sentence, 'notice wait', 'status') : null;
  }

  #add(sentence, kind, role) {
    const box = document.createElement('div');
    box.className = kind;
    box.setAttribute('role', role);
    const text = document.createElement('p');
    text.textContent = sentence;
    box.append(text);
    this.container.append(box);
    box.scrollIntoView({ block: 'nearest' });
    return box;
  }
}

/**
 * Show what is being made, with a way to stop it.
 * @param {{stage: string, share: number | null} | null} work
 */
export function showProgress(work) {
  element('progress').hidden = !work;
  if (!work) return;
  element('stage-name').textContent = work.stage;
  if (work.share === null || work.share === undefined) element('share').removeAttribute('value');
  else element('share').value = work.share;
}

/** For those who listen. @param {string} sentence */
export function say(sentence) {
  element('said').textContent = sentence;
}
