/** `bun test/decks/write.ts`: writes the decks and contact sheets of `docs/decks`. */
import { join } from "node:path"
import { opened, pixels } from "../support/office.ts"
import { png, sheet } from "../support/png.ts"
import { logo, make, samples } from "./samples.ts"

const folder = new URL("../../docs/decks/", import.meta.url).pathname

const decks: Record<string, Uint8Array<ArrayBuffer>> = {}
for (const sample of samples) decks[sample.name] = (await make(sample)).rendered.bytes
for (const [name, bytes] of Object.entries(decks)) await Bun.write(join(folder, `${name}.pptx`), bytes)
await Bun.write(join(folder, "terra.png"), logo)
await opened(decks, async (pdfs) => {
  for (const name of Object.keys(decks)) {
    const pages = await pixels(join(pdfs, `${name}.pdf`), 480)
    await Bun.write(join(folder, `${name}.png`), png(sheet(pages, 3, 8)))
  }
})
