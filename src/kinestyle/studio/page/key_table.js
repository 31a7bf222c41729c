import { KEYS } from './controls.js';

/**
 * What each key does: a further key is a further row.
 *
 * @param {object} studio  the parts of the studio and what it can do
 * @returns {import('./keys.js').Key[]}
 */
export function keyTable({
  clock,
  timeline,
  stage,
  controls,
  view,
  session,
  trim,
  chooseNumber,
  copyCommand,
  download,
  nextVariation,
  openFile,
  setMixing,
  setMode,
  showHelp,
  surprise,
  switchTheme,
  toggleCurve,
  toggleLayer,
}) {
  const [less, more] = KEYS.strength,
    [first, second] = KEYS.mix;
  return [
    { keys: [' ', 'k'], shown: 'Space', words: 'play or pause', run: () => clock.toggle() },
    {
      keys: ['ArrowLeft'],
      shown: '←',
      words: 'a frame back, with Shift ten',
      run: (event) => timeline.step(event.shiftKey ? -10 : -1),
    },
    {
      keys: ['ArrowRight'],
      shown: '→',
      words: 'a frame on, with Shift ten',
      run: (event) => timeline.step(event.shiftKey ? 10 : 1),
    },
    { keys: ['Home'], shown: 'Home', words: 'to the first frame', run: () => timeline.seek(0) },
    { keys: ['End'], shown: 'End', words: 'to the last frame', run: () => timeline.seek(1e9) },
    { keys: [','], shown: ',', words: 'slower', run: () => timeline.nudgeSpeed(-1) },
    { keys: ['.'], shown: '.', words: 'faster', run: () => timeline.nudgeSpeed(1) },
    { keys: ['l'], shown: 'L', words: 'loop', run: () => clock.setLoop(!clock.loop) },
    { keys: ['i'], shown: 'I', words: 'begin here', run: () => trim.setHere(0) },
    { keys: ['e'], shown: 'E', words: 'end here', run: () => trim.setHere(1) },
    { keys: [less], shown: less, words: 'weaker', run: () => controls.nudge('strength', -1) },
    { keys: [more], shown: more, words: 'stronger', run: () => controls.nudge('strength', 1) },
    { keys: [...'123456789'], shown: '1 – 9', words: 'choose a style', run: chooseNumber },
    { keys: ['m'], shown: 'M', words: 'mix two styles', run: setMixing },
    {
      keys: [first],
      shown: first,
      words: 'more of the first style',
      run: () => controls.nudge('mix', -1),
    },
    {
      keys: [second],
      shown: second,
      words: 'more of the second style',
      run: () => controls.nudge('mix', 1),
    },
    { keys: ['v'], shown: 'V', words: 'strength over the clip', run: toggleCurve },
    { keys: ['n'], shown: KEYS.seed[0], words: 'next variation', run: nextVariation },
    { keys: ['r'], shown: 'R', words: 'surprise me', run: surprise },
    {
      keys: ['g'],
      shown: 'G',
      words: 'grid of styles',
      run: () => setMode(view.mode === 'grid' ? 'side' : 'grid'),
    },
    {
      keys: ['o'],
      shown: 'O',
      words: 'overlay or side by side',
      run: () => setMode(view.mode === 'overlay' ? 'side' : 'overlay'),
    },
    { keys: ['f'], shown: 'F', words: 'follow', run: () => toggleLayer('follow') },
    { keys: ['0'], shown: '0', words: 'fit the view', run: () => stage.fit() },
    { keys: ['-', '_'], shown: '-', words: 'zoom out', run: () => stage.zoom(1.15) },
    { keys: ['+', '='], shown: '+', words: 'zoom in', run: () => stage.zoom(1 / 1.15) },
    { keys: ['a'], shown: 'A', words: 'turn left', run: () => stage.turn(-0.15, 0) },
    { keys: ['d'], shown: 'D', words: 'turn right', run: () => stage.turn(0.15, 0) },
    { keys: ['w'], shown: 'W', words: 'look from higher', run: () => stage.turn(0, -0.1) },
    { keys: ['s'], shown: 'S', words: 'look from lower', run: () => stage.turn(0, 0.1) },
    { keys: ['u'], shown: 'U', words: 'open a file', run: openFile },
    { keys: ['x'], shown: 'X', words: 'download', run: download },
    { keys: ['c'], shown: 'C', words: 'copy the command', run: copyCommand },
    { keys: ['t'], shown: 'T', words: 'light or dark', run: switchTheme },
    {
      keys: ['Escape'],
      shown: 'Esc',
      words: 'cancel what is being made',
      run: () => session.cancel(),
    },
    { keys: ['?'], shown: '?', words: 'this page', run: showHelp },
  ];
}
