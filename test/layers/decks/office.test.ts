/** Decks as LibreOffice shows them: every page, every word, and nothing beyond the edges. */
import { expect, test } from "bun:test"
import { join } from "node:path"
import { arrange } from "../../../layers/decks/outline/arrange.ts"
import { writeDeck } from "../../../layers/decks/file/writeDeck.ts"
import { builtIn, type ThemeFile } from "../../../layers/decks/Theme.ts"
import { make, samples } from "../../decks/samples.ts"
import { missing, opened, reason, see, skipped } from "../../support/office.ts"
import { read } from "../../support/presentation.ts"

const words = "Quarterly results of the northern region, with figures that were audited"
/** Everything at once: long names, many lines, wide tables, long words. */
const crowded = arrange(
  {
    client: "Société Générale d'Électricité & Fils <GmbH>",
    project: `${words}; ${words}`,
    type: "Result",
    slides: 12,
    details: [
      ...Array.from({ length: 30 }, (_, index) => `Line ${index}: ${words.slice(0, 20 + index * 2)}`),
      "pneumonoultramicroscopicsilicovolcanoconiosis".repeat(6),
      {
        table: {
          columns: ["Region", "Director", "Revenue", "Comment"],
          rows: Array.from({ length: 9 }, (_, index) => [
            `Region ${index}`,
            "Ana Kovač",
            index * 1234.5,
            words
          ])
        }
      },
      { numbers: Array.from({ length: 6 }, (_, index) => ({ value: `${index},234 kWh`, label: words })) },
      {
        quote: `${words}. ${words}. ${words}.`,
        by: "Somebody with a long name, director of something at a company"
      }
    ]
  },
  "Calibri"
)

const squeezed = (lines: ReadonlyArray<string>) => lines.join("").replace(/\s+/g, "")

test.skipIf(skipped)(
  `LibreOffice shows every page and every word of it, within the page${reason}`,
  async () => {
    expect(missing).toEqual([])
    const decks: Record<string, Uint8Array<ArrayBuffer>> = {}
    for (const sample of samples) decks[sample.name] = (await make(sample)).rendered.bytes
    decks["crowded"] = (
      await writeDeck({
        outline: crowded.outline,
        theme: { name: "light", file: builtIn["light"] as ThemeFile },
        pictures: new Map(),
        created: "2026-11-21T08:00:00.000Z"
      })
    ).bytes
    await opened(decks, async (folder) => {
      for (const [name, bytes] of Object.entries(decks)) {
        const { slides } = await read(bytes)
        const { pages } = await see(join(folder, `${name}.pdf`))
        expect([name, pages.length]).toEqual([name, slides.length])
        for (const [index, page] of pages.entries()) {
          const place = `${name}, page ${index + 1}`
          const seen = page.text.replace(/\s+/g, "")
          for (const line of slides[index]?.text ?? []) {
            if (/[\u0590-\u08ff]/u.test(line)) continue
            // Words come in the order of their places, so lines are searched word by word; lines from right to left come out in pieces.
            const lost = line
              .split(/\s+/)
              .filter((word) => word !== "‹#›" && word.length < 40 && !seen.includes(word))
            expect([place, line, lost]).toEqual([place, line, []])
          }
          const beyond = page.words.filter(
            ({ bottom, left, right, top }) =>
              left < 0 || top < 0 || right > page.width || bottom > page.height
          )
          expect([place, beyond]).toEqual([place, []])
          expect(seen.length).toBeGreaterThan(squeezed([slides[index]?.title ?? ""]).length / 2)
        }
      }
    })
  },
  180_000
)
