/**
 * What the person has to know: errors in the server's own sentence, that the server is gone, and
 * what goes on.
 */

const element = (id) => document.getElementById(id);

export class Notices {
  constructor() {
    this.container = element('notices');
    this.away = null;
  }

  /**
   * @param {string} sentence  stays until it is closed or something else is done
   * @param {HTMLElement | null} remedy  what the person may do about it
   */
  fail(sentence, remedy = null) {
    this.clear();
    this.failure = this.#add(sentence, 'notice', 'alert');
    if (remedy) this.failure.firstChild.append(remedy);
    const close = document.createElement('button');
    close.type = 'button';
    close.className = 'quiet';
    close.setAttribute('aria-label', 'Close');
    close.innerHTML = '<svg aria-hidden="true"><use href="#icon-close"/></svg>';
    close.addEventListener('click', () => this.clear());
    this.failure.append(close);
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
