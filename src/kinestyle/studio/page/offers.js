/**
 * What the service cannot do is not silently missing: who asks for it is told why, and how they can
 * have it.
 */

const element = (id) => document.getElementById(id);

/** What is opened by whom. @type {[string, 'files' | 'mixing'][]} */
const BUTTONS = [
  ['open', 'files'],
  ['open-like', 'files'],
  ['mix', 'mixing'],
];

/**
 * @param {import('./service.js').Service} service
 * @param {(sentence: string) => void} refused
 */
export function showOffers(service, refused) {
  const [words, sentence] = service.privacy();
  element('privacy').querySelector('span').textContent = words;
  element('privacy').title = sentence;
  element('about').replaceChildren(...service.about());
  element('about').hidden = !element('about').children.length;
  element('formats').parentElement.hidden = service.refusal('files') !== null;
  element('rig-choice').parentElement.hidden = service.refusal('rig') !== null;
  for (const [id, what] of BUTTONS) {
    const why = service.refusal(what);
    if (why === null) continue;
    element(id).title = why;
    // before those who would act on it
    element(id).addEventListener(
      'click',
      (event) => {
        event.stopImmediatePropagation();
        refused(why);
      },
      { capture: true },
    );
  }
}

/** Whether anything can change over a clip. @param {import('./controls.js').Setting[]} settings */
export function showCurveOffer(settings) {
  element('curves').hidden = !settings.some(({ over_time: does }) => does);
}
