/**
 * An archive of files as they are. ZIP's own words, APPNOTE.TXT 6.3: a header before each file, a
 * list of all at the end.
 *
 * @typedef {{name: string, bytes: Blob}} Named
 */
const UTF8_NAMES = 0x800,
  VERSION = 20;
/** The first of January 1980: a name and its bytes make an archive, not the time. */
const DATE = 0x21;

const CRC = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let bit = 0; bit < 8; bit++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c;
});

/** @param {Uint8Array} bytes */
export function crc32(bytes) {
  let c = 0xffffffff;
  for (const byte of bytes) c = CRC[(c ^ byte) & 255] ^ (c >>> 8);
  return (c ^ 0xffffffff) >>> 0;
}

/** Numbers of 2 or 4 bytes, little endian. @param {[number, 2 | 4][]} fields */
function packed(fields) {
  const view = new DataView(new ArrayBuffer(fields.reduce((sum, [, size]) => sum + size, 0)));
  let at = 0;
  for (const [value, size] of fields) {
    if (size === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += size;
  }
  return view;
}

/** Names of which no two are the same. @param {string[]} names */
export function distinct(names) {
  const taken = new Set();
  return names.map((name) => {
    const [, stem, ending] = /^(.*?)(\.[^.]*)?$/s.exec(name);
    let free = name;
    for (let n = 2; taken.has(free); n++) free = `${stem}_${n}${ending ?? ''}`;
    taken.add(free);
    return free;
  });
}

/** @param {Named[]} files  @returns {Promise<Blob>} */
export async function zipped(files) {
  const names = distinct(files.map(({ name }) => name)),
    parts = [],
    list = [];
  let at = 0;
  for (const [i, { bytes }] of files.entries()) {
    const name = new TextEncoder().encode(names[i]),
      crc = crc32(new Uint8Array(await bytes.arrayBuffer()));
    /** What both headers say. @type {[number, 2 | 4][]} */
    const same = [
      [VERSION, 2],
      [UTF8_NAMES, 2],
      [0, 2],
      [0, 2],
      [DATE, 2],
      [crc, 4],
      [bytes.size, 4],
      [bytes.size, 4],
      [name.length, 2],
      [0, 2],
    ];
    const head = packed([[0x04034b50, 4], ...same]);
    parts.push(head, name, bytes);
    const row = [[0x02014b50, 4], [VERSION, 2], ...same, [0, 2], [0, 2], [0, 2], [0, 4], [at, 4]];
    list.push(packed(row), name);
    at += head.byteLength + name.length + bytes.size;
  }
  const listed = list.reduce((sum, part) => sum + part.byteLength, 0);
  const end = packed([
    [0x06054b50, 4],
    [0, 2],
    [0, 2],
    [files.length, 2],
    [files.length, 2],
    [listed, 4],
    [at, 4],
    [0, 2],
  ]);
  return new Blob([...parts, ...list, end], { type: 'application/zip' });
}
