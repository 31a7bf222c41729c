/** The page is there without a network, once it has been there. */

/** Milliseconds from the page's last file to the first that is kept: the first motion comes first. */
const LATER_MS = 2000;

/** Browsers have service workers on this machine and over TLS. */
export async function keepForOffline() {
  if (!navigator.serviceWorker) return;
  if (document.readyState !== 'complete')
    await new Promise((resolve) => addEventListener('load', resolve, { once: true }));
  await new Promise((resolve) => setTimeout(resolve, LATER_MS));
  try {
    await navigator.serviceWorker.register('worker.js');
    const { active } = await navigator.serviceWorker.ready;
    active.postMessage('rest');
  } catch {
    // a browser that keeps nothing asks for all of it again
  }
}
