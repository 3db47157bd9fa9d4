/** Reads from TrueType files how wide characters are: the source of the measured widths that decks are set with. */

const families = {
  Arial: ["LiberationSans", "liberation"],
  Calibri: ["Carlito", "crosextra"],
  Cambria: ["Caladea", "crosextra"],
  "Times New Roman": ["LiberationSerif", "liberation"]
} as const

/** Cambria's own lines are higher than those of the font that has its widths. */
const lines: Partial<Record<keyof typeof families, number>> = { Cambria: 1.172 }

/** First and last character of each measured run: Latin, Greek, Cyrillic, Vietnamese, punctuation, currencies, arrows. */
const runs = [
  [0x20, 0x7e],
  [0xa0, 0x24f],
  [0x370, 0x3ff],
  [0x400, 0x4ff],
  [0x1e00, 0x1eff],
  [0x2010, 0x2044],
  [0x20a0, 0x20bf],
  [0x2100, 0x2126],
  [0x2190, 0x2195]
] as const

/** Debian's fonts whose widths are those of the fonts of that name. */
const file = (family: keyof typeof families, face: "Regular" | "Bold") => {
  const [name, folder] = families[family]
  return `/usr/share/fonts/truetype/${folder}/${name}-${face}.ttf`
}

interface Face {
  readonly unitsPerEm: number
  /** From one line to the next: ascent, descent and gap. */
  readonly line: number
  /** In units; absent: the font has no such character. */
  readonly advance: (codePoint: number) => number | undefined
}

/** OpenType 1.9: `head`, `hhea`, `hmtx`, and a `cmap` of format 4 or 12. */
const parse = (bytes: Uint8Array): Face => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const tables = new Map<string, number>()
  for (let i = 0; i < view.getUint16(4); i++) {
    const at = 12 + i * 16
    tables.set(String.fromCharCode(...bytes.subarray(at, at + 4)), view.getUint32(at + 8))
  }
  const table = (tag: string) => tables.get(tag) ?? 0
  const [head, hhea, hmtx, cmap] = [table("head"), table("hhea"), table("hmtx"), table("cmap")]
  const long = view.getUint16(hhea + 34)
  const encodings = Array.from(
    { length: view.getUint16(cmap + 2) },
    (_, i) => cmap + view.getUint32(cmap + 8 + i * 8)
  )
  const four = encodings.find((at) => view.getUint16(at) === 4) ?? 0
  const segments = view.getUint16(four + 6) / 2
  const glyph = (code: number): number => {
    for (let i = 0; i < segments; i++) {
      const end = view.getUint16(four + 14 + i * 2)
      if (code > end) continue
      const start = view.getUint16(four + 16 + segments * 2 + i * 2)
      if (code < start) return 0
      const delta = view.getUint16(four + 16 + segments * 4 + i * 2)
      const place = four + 16 + segments * 6 + i * 2
      const offset = view.getUint16(place)
      if (offset === 0) return (code + delta) & 0xffff
      const found = view.getUint16(place + offset + (code - start) * 2)
      return found === 0 ? 0 : (found + delta) & 0xffff
    }
    return 0
  }
  return {
    unitsPerEm: view.getUint16(head + 18),
    line: view.getInt16(hhea + 4) - view.getInt16(hhea + 6) + view.getInt16(hhea + 8),
    advance: (code) => {
      const id = glyph(code)
      return id === 0 ? undefined : view.getUint16(hmtx + Math.min(id, long - 1) * 4)
    }
  }
}

const face = async (family: keyof typeof families, kind: "Regular" | "Bold") =>
  parse(new Uint8Array(await Bun.file(file(family, kind)).arrayBuffer()))

/** Thousandths of an em, rounded up; `0` for what the font does not have. */
const widths = ({ advance, unitsPerEm }: Face) =>
  Object.fromEntries(
    runs.map(([first, last]) => [
      first.toString(16),
      Array.from({ length: last - first + 1 }, (_, i) =>
        Math.ceil(((advance(first + i) ?? 0) * 1000) / unitsPerEm)
      ).join(" ")
    ])
  )

/** Whether those fonts are on this machine. */
export const installed = async () =>
  (
    await Promise.all(
      (Object.keys(families) as ReadonlyArray<keyof typeof families>).map((family) =>
        Bun.file(file(family, "Bold")).exists()
      )
    )
  ).every(Boolean)

/** What `layers/decks/page/metrics.json` holds. */
export const metrics = async () =>
  Object.fromEntries(
    await Promise.all(
      (Object.keys(families) as ReadonlyArray<keyof typeof families>).map(async (family) => {
        const [regular, bold] = [await face(family, "Regular"), await face(family, "Bold")]
        const line = Math.max(
          lines[family] ?? 0,
          ...[regular, bold].map((each) => each.line / each.unitsPerEm)
        )
        return [
          family,
          { line: Math.ceil(line * 1000), regular: widths(regular), bold: widths(bold) }
        ] as const
      })
    )
  )

if (import.meta.main) {
  await Bun.write(
    new URL("../../layers/decks/page/metrics.json", import.meta.url),
    `${JSON.stringify(await metrics(), undefined, 2)}\n`
  )
}
