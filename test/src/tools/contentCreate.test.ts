/** `content.create` through the catalog and through MCP clients: what it makes, what it answers, what it refuses. */
import { describe, expect } from "bun:test"
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/client"
import { Deferred, Effect, Fiber, FileSystem, Layer } from "effect"
import { ConfigSource } from "../../../layers/config/ConfigSource.ts"
import type { Deck } from "../../../layers/decks/Deck.ts"
import { Decks } from "../../../layers/decks/Decks.ts"
import { Output } from "../../../layers/output/Output.ts"
import { Outbound } from "../../../layers/outbound/Outbound.ts"
import { Dns } from "../../../layers/platform/Dns.ts"
import { Environment } from "../../../layers/platform/Environment.ts"
import { Ids } from "../../../layers/platform/Ids.ts"
import * as Platform from "../../../layers/platform/Platform.ts"
import type { ProgressEvent } from "../../../layers/progress/ProgressEvent.ts"
import { Quotas } from "../../../layers/quotas/Quotas.ts"
import { Storage } from "../../../layers/storage/Storage.ts"
import { Caller } from "../../../src/catalog/Caller.ts"
import { Catalog } from "../../../src/catalog/Catalog.ts"
import * as toolkitEntries from "../../../src/catalog/toolkitEntries.ts"
import { stdioUser } from "../../../src/domain/Principal.ts"
import * as resources from "../../../src/resources/output.ts"
import * as contentCreate from "../../../src/tools/contentCreate.ts"
import { callServices, callTool, catalog, principal } from "../../support/callTool.ts"
import { newClients } from "../../support/clients.ts"
import { it } from "../../support/effect.ts"
import { painted, png } from "../../support/png.ts"
import { read } from "../../support/presentation.ts"
import { endpoint, service, stateFolder } from "../../support/service.ts"
import { rawSite, site } from "../../support/sites.ts"

const highlights = {
  client_name: "Acme",
  project_name: "Q3",
  source_content_type: "Highlight",
  source_content_details: ["Market share +3%", "Beta launched", "4 enterprise wins"],
  target_content_type: "PPT",
  number_of_slides: 5,
  content_brief: "Client-facing deck focusing on achievements and next steps."
}

const templates = Layer.effectDiscard(
  Effect.gen(function* () {
    const entries = yield* Catalog
    yield* entries.add({ templates: [yield* resources.entry] })
  })
)

/** The tool and the resource over a folder of the test; on 127.0.0.1, whatever the name. */
const program = (config: Record<string, unknown> = {}) =>
  Layer.unwrap(
    Effect.map(stateFolder, (dir) =>
      Layer.mergeAll(toolkitEntries.layer(contentCreate), templates).pipe(
        Layer.provideMerge(catalog),
        Layer.provide(Layer.fresh(Decks.layer)),
        Layer.provide(Layer.fresh(Output.layer).pipe(Layer.provide(Quotas.layerOf()))),
        Layer.provideMerge(Layer.fresh(Storage.layer)),
        Layer.provide(Layer.fresh(Outbound.layerNoDeps)),
        Layer.provide(Dns.layerTest(() => ["127.0.0.1"])),
        Layer.provide(
          ConfigSource.layerFrom({
            storage: { dir },
            outbound: { allow_private: ["127.0.0.0/8"] },
            ...config
          })
        ),
        Layer.provideMerge(Layer.mergeAll(Platform.layer, Ids.layer, Environment.layerTest({})))
      )
    )
  )

const create = (args: Record<string, unknown> = {}) =>
  Effect.map(callTool("content.create", { ...highlights, ...args }), ({ content, structured }) => ({
    content,
    // The schema of the tool's answer, which the catalog has encoded.
    deck: structured as unknown as Deck
  }))

const presentation = (deck: Deck) =>
  Effect.flatMap(FileSystem.FileSystem, (fs) => fs.readFile(deck.path)).pipe(
    Effect.flatMap((bytes) => Effect.promise(() => read(new Uint8Array(bytes))))
  )

const picture = (width = 40, height = 30) => Buffer.from(png(painted(width, height, []))).toString("base64")

describe("a deck", () => {
  it.live("is a file with as many slides as asked for, with its outline and a link", () =>
    Effect.gen(function* () {
      const { content, deck } = yield* create()
      const { dir } = yield* Storage
      expect(deck).toEqual({
        path: `${dir}/output/Acme/Q3/content.pptx`,
        uri: "output://Acme/Q3/content.pptx",
        slides: 5,
        outline: {
          title: "Acme · Q3",
          footer: "Acme · Q3",
          slides: [
            { layout: "title", headline: "Q3", kicker: "Acme" },
            {
              layout: "bullets",
              headline: "Q3",
              points: highlights.source_content_details.map((text, index) => ({ text, number: index + 1 }))
            },
            ...highlights.source_content_details.map((headline) => ({
              layout: "statement" as const,
              headline,
              kicker: "Highlight"
            }))
          ]
        },
        remarks: []
      })
      expect(content[0]).toMatchObject({ type: "text" })
      expect(content[1]).toMatchObject({ type: "resource_link", uri: deck.uri, name: "content.pptx" })
      const { problems, slides } = yield* presentation(deck)
      expect(problems).toEqual([])
      expect(slides.map(({ title }) => title)).toEqual(deck.outline.slides.map(({ headline }) => headline))
      expect(slides.flatMap(({ notes, text }) => [...notes, ...text]).join(" ")).not.toContain(
        "Client-facing"
      )
    }).pipe(Effect.provide(program()))
  )

  it.live("is read back as a resource by principals that may read, and by no others", () =>
    Effect.gen(function* () {
      const { deck } = yield* create()
      const entries = yield* Catalog
      const fetched = (uri: string, scopes = ["read"]) =>
        entries.read(principal(scopes), uri).pipe(Effect.provide(callServices))
      const {
        contents: [contents]
      } = yield* fetched(deck.uri)
      const fs = yield* FileSystem.FileSystem
      expect(contents).toMatchObject({ uri: deck.uri })
      expect(Buffer.from((contents as { blob: string }).blob, "base64")).toEqual(
        Buffer.from(yield* fs.readFile(deck.path))
      )
      for (const uri of [
        "output://Acme/Q3/content-2.pptx",
        "output://Acme/%2e%2e/content.pptx",
        "output://../../x",
        "output://Acme/Q3/%00"
      ])
        expect([uri, (yield* Effect.flip(fetched(uri)))._tag]).toEqual([uri, "NotFound"])
      expect((yield* Effect.flip(fetched(deck.uri, ["call"])))._tag).toBe("NotFound")
      const completed = yield* entries
        .complete(stdioUser, {
          target: { template: "output://{client}/{project}/{file}" },
          argument: "project",
          typed: "q",
          given: { client: "Acme" }
        })
        .pipe(Effect.provide(callServices))
      expect(completed.values).toEqual(["Q3"])
    }).pipe(Effect.provide(program()))
  )

  it.live("reports its steps, in order, to the end", () =>
    Effect.gen(function* () {
      const events: Array<ProgressEvent> = []
      const entries = yield* Catalog
      yield* entries.call(stdioUser, "content.create", highlights).pipe(
        Effect.provideService(Caller, {
          principal: stdioUser,
          requestId: "test",
          onProgress: (event) => events.push(event)
        }),
        Effect.provide(callServices)
      )
      expect(events.map(({ progress_percent, step }) => [step, progress_percent])).toEqual([
        ["theme", 0],
        ["outline", 20],
        ["pictures", 40],
        ["draw", 60],
        ["write", 80],
        ["write", 100]
      ])
    }).pipe(Effect.provide(program()))
  )

  it.live("does not replace the one before, also when two are made at once", () =>
    Effect.gen(function* () {
      const made = yield* Effect.all([create(), create(), create()], { concurrency: "unbounded" })
      expect(made.map(({ deck }) => deck.uri).toSorted()).toEqual([
        "output://Acme/Q3/content-2.pptx",
        "output://Acme/Q3/content-3.pptx",
        "output://Acme/Q3/content.pptx"
      ])
      for (const { deck } of made) expect((yield* presentation(deck)).problems).toEqual([])
    }).pipe(Effect.provide(program()))
  )

  it.live("that is interrupted leaves no file", () =>
    Effect.gen(function* () {
      const { asked, port } = yield* rawSite(() => {})
      const image = `http://site.test:${port}/never.png`
      const fiber = yield* create({ source_content_details: [{ image }] }).pipe(Effect.forkChild)
      yield* asked
      yield* Fiber.interrupt(fiber)
      const fs = yield* FileSystem.FileSystem
      expect(yield* fs.exists((yield* Storage).path("output"))).toBe(false)
    }).pipe(Effect.provide(program()))
  )
})

describe("an outline", () => {
  it.live("is drawn as it is, without details; the result can be sent again and makes the same slides", () =>
    Effect.gen(function* () {
      const { source_content_details: _, number_of_slides: __, ...rest } = highlights
      const outline = {
        slides: [
          { layout: "title", headline: "Three wins" },
          {
            layout: "bullets",
            headline: "What **changed**",
            points: ["One", { text: "Two", level: 1 }],
            numbered: true
          },
          {
            layout: "chart",
            headline: "Growth",
            chart: { kind: "line", labels: ["a", "b"], series: [{ name: "s", values: [92] }], suffix: "%" }
          },
          { layout: "table", headline: "Rows", columns: ["Item", "Count"], rows: [["a", 12.5]] },
          { layout: "closing", headline: "Decide today" }
        ]
      }
      const call = (args: Record<string, unknown>) => callTool("content.create", { ...rest, ...args })
      const first = (yield* call({ outline })).structured as unknown as Deck
      const { problems, slides } = yield* presentation(first)
      expect(problems).toEqual([])
      expect(slides.map(({ title }) => title)).toEqual([
        "Three wins",
        "What changed",
        "Growth",
        "Rows",
        "Decide today"
      ])
      expect(first.remarks).toEqual([])
      expect(first.outline.slides[1]).toMatchObject({
        points: [
          { text: "One", number: 1 },
          { text: "Two", level: 1 }
        ]
      })
      expect(first.outline.slides[2]).toMatchObject({ chart: { series: [{ values: [92, null] }] } })
      const again = (yield* call({ outline: first.outline })).structured as unknown as Deck
      expect(again.outline).toEqual(first.outline)
    }).pipe(Effect.provide(program()))
  )

  it.live("of rules can be sent again with its details, whose pictures it names", () =>
    Effect.gen(function* () {
      const source_content_details = [
        "A point",
        { image: `data:image/png;base64,${picture()}`, title: "Plan", alt: "A plan" }
      ]
      const { deck } = yield* create({ source_content_details, number_of_slides: 3 })
      expect(deck.outline.slides[2]).toMatchObject({ layout: "figure", image: "#2" })
      const again = yield* create({ source_content_details, number_of_slides: 3, outline: deck.outline })
      expect(again.deck.outline).toEqual(deck.outline)
      expect(again.deck.remarks).toEqual([])
      expect((yield* presentation(again.deck)).slides[2]?.xml).toContain('descr="A plan"')
    }).pipe(Effect.provide(program()))
  )

  it.live("or details and a number of slides are needed", () =>
    Effect.gen(function* () {
      const { source_content_details: _, number_of_slides: __, ...rest } = highlights
      const failure = (args: Record<string, unknown>) =>
        Effect.map(Effect.flip(callTool("content.create", { ...rest, ...args })), ({ _tag, message }) => [
          _tag,
          message
        ])
      expect((yield* failure({ number_of_slides: 3 }))[1]).toContain("source_content_details")
      expect((yield* failure({ source_content_details: ["a"] }))[1]).toContain("number_of_slides")
      expect((yield* failure({ outline: { slides: [] } }))[0]).toBe("InvalidArguments")
      const many = Array.from({ length: 61 }, () => ({ layout: "statement", headline: "x" }))
      expect((yield* failure({ outline: { slides: many } }))[1]).toContain("content.max_slides")
    }).pipe(Effect.provide(program()))
  )
})

describe("pictures", () => {
  it.live("come from data and from the web, and stand in the file", () =>
    Effect.gen(function* () {
      const { port } = yield* site(
        () => new Response(Buffer.from(picture(), "base64"), { headers: { "content-type": "image/png" } })
      )
      const { deck } = yield* create({
        source_content_details: [
          { image: `data:image/png;base64,${picture(30, 20)}`, title: "From data", alt: "A plan" },
          { image: `http://site.test:${port}/a.png`, title: "From the web", alt: "Another plan" }
        ],
        number_of_slides: 3
      })
      expect(deck.remarks).toEqual([])
      const { parts, problems, slides } = yield* presentation(deck)
      expect(problems).toEqual([])
      expect(parts.get("ppt/slides/_rels/slide2.xml.rels")).toContain("media/image1.png")
      expect(parts.get("ppt/slides/_rels/slide3.xml.rels")).toContain("media/image2.png")
      expect(slides[1]?.xml).toContain('descr="A plan"')
    }).pipe(Effect.provide(program()))
  )

  it.live(
    "that cannot be loaded are left out, with a note, and their slide shows its text without them",
    () =>
      Effect.gen(function* () {
        const bomb = Buffer.from(picture(), "base64")
        bomb.writeUInt32BE(60_000, 16)
        bomb.writeUInt32BE(60_000, 20)
        const { port } = yield* site(() => new Response("no", { status: 404 }))
        const cases = [
          ["/etc/passwd", "it must be"],
          ["file:///etc/passwd", "it must be"],
          ["http://169.254.169.254/a.png", "not a public address"],
          [`http://site.test:${port}/a.png`, "the server answered 404"],
          ["data:image/png;base64,AAAA", "it is not a PNG, JPEG or GIF"],
          [`data:image/svg+xml;base64,${Buffer.from("<svg/>").toString("base64")}`, "it is not a PNG"],
          [`data:image/png;base64,${bomb.toString("base64")}`, "60000 × 60000 pixels"],
          [`data:image/png;base64,${"A".repeat(3000)}`, "more than 2000 bytes"]
        ] as const
        for (const [image, expected] of cases) {
          const { deck } = yield* create({
            source_content_details: [{ image, title: "What it shows", points: ["One point", "Another"] }],
            number_of_slides: 3
          })
          expect(deck.remarks.join()).toContain(expected)
          const { problems, slides } = yield* presentation(deck)
          expect(slides[1]?.text.slice(0, 3)).toEqual(["What it shows", "One point", "Another"])
          expect(problems).toEqual([])
        }
      }).pipe(Effect.provide(program({ content: { max_image_bytes: 2000 } })))
  )
})

describe("a theme", () => {
  const themed = (files: Readonly<Record<string, string | Uint8Array>>, args: Record<string, unknown> = {}) =>
    Effect.gen(function* () {
      const folder = yield* stateFolder
      for (const [name, content] of Object.entries(files))
        yield* Effect.promise(() => Bun.write(`${folder}/${name}`, content))
      return yield* create(args).pipe(
        Effect.flatMap(({ deck }) => presentation(deck)),
        Effect.provide(program({ content: { themes_dir: folder } }))
      )
    })
  const documented = new URL("../../../docs/decks/", import.meta.url)

  it.live(
    "is the configured one, another that comes with the program, or the operator's own with a logo",
    () =>
      Effect.gen(function* () {
        const colors = (parts: ReadonlyMap<string, string>) =>
          /<a:accent1><a:srgbClr val="(\w+)"/.exec(parts.get("ppt/theme/theme1.xml") ?? "")?.[1]
        expect(colors((yield* themed({})).parts)).toBe("0B7A75")
        expect(colors((yield* themed({}, { theme: "dark" })).parts)).toBe("5EC9B8")
        const files = yield* Effect.promise(async () => ({
          "terra.yaml": await Bun.file(new URL("terra.yaml", documented)).text(),
          "terra.png": await Bun.file(new URL("terra.png", documented)).bytes()
        }))
        const own = yield* themed(files, { theme: "terra" })
        expect(own.problems).toEqual([])
        expect(colors(own.parts)).toBe("9C4A1A")
        expect(own.parts.get("ppt/slideLayouts/_rels/slideLayout2.xml.rels")).toContain("../media/image1.png")
      })
  )

  it.live("that is not there, or not right, is refused with what is wrong", () =>
    Effect.gen(function* () {
      const colors = `{background: "#FFFFFF", surface: "#EEEEEE", ink: "#000000", muted: "#555555", accent: "#005500", second: "#AA5500"}`
      const fonts = "fonts: {head: Calibri, body: Calibri}"
      const cases = [
        ["absent", {}, "there is none of that name; there are light, dark"],
        ["../light", {}, "there is none of that name"],
        ["a", { "a.yaml": "colors: [" }, "a.yaml: "],
        [
          "a",
          { "a.yaml": `colors: ${colors.replace("#FFFFFF", "white")}\n${fonts}` },
          "colors.background: expected a colour as #1B4F72"
        ],
        [
          "a",
          { "a.yaml": `colors: ${colors.replace("#000000", "#EEEEEE")}\n${fonts}` },
          "ink on background has a contrast of"
        ],
        [
          "a",
          { "a.yaml": `colors: ${colors}\n${fonts}\nlogo: ../../etc/passwd` },
          "logo must name a file beside it"
        ],
        ["a", { "a.yaml": `colors: ${colors}\n${fonts}\nlogo: a.png`, "a.png": "text" }, "it is not a PNG"],
        ["a", { "a.yaml": `colors: ${colors}\n${fonts}\nfoo: 1` }, "foo"]
      ] as const
      for (const [theme, files, expected] of cases) {
        const error = yield* Effect.flip(themed(files, { theme }))
        expect(error.message).toContain(expected)
      }
    })
  )
})

describe("what cannot be made is refused, and says what can", () => {
  const refused = (args: Record<string, unknown>) =>
    Effect.map(Effect.flip(create(args)), ({ _tag, message }) => [_tag, message] as const)

  it.live("another type of content, no slides, too many", () =>
    Effect.gen(function* () {
      const cases = [
        [{ target_content_type: "DOC" }, "InvalidArguments", 'target_content_type: Expected "PPT"'],
        [{ number_of_slides: 0 }, "InvalidArguments", "number_of_slides"],
        [{ number_of_slides: 2.5 }, "InvalidArguments", "number_of_slides"],
        [{ number_of_slides: 500 }, "Failed", "at most 60 (content.max_slides), and is 500"],
        [{ source_content_details: [] }, "InvalidArguments", "source_content_details"],
        [{ source_content_details: ["", " \u0000 "] }, "Failed", "says nothing"],
        [{ source_content_details: [{ sound: "x" }] }, "InvalidArguments", "source_content_details.0"],
        [{ client_name: "../.." }, "Failed", "client_name needs a letter or a digit"],
        [{ project_name: "\u0000" }, "Failed", "project_name needs a letter or a digit"],
        [
          { source_content_details: Array.from({ length: 200 }, () => "x".repeat(15_000)) },
          "Failed",
          "characters: give less"
        ]
      ] as const
      for (const [args, tag, message] of cases) {
        const [kind, said] = yield* refused(args)
        expect([args, kind]).toEqual([args, tag])
        expect(said).toContain(message)
      }
      const fs = yield* FileSystem.FileSystem
      expect(yield* fs.exists((yield* Storage).path("output"))).toBe(false)
    }).pipe(Effect.provide(program()))
  )

  it.live("a deck that takes too long", () =>
    Effect.gen(function* () {
      const [kind, said] = yield* refused({})
      expect(kind).toBe("Failed")
      expect(said).toContain("took too long (content.time_limit)")
    }).pipe(Effect.provide(program({ content: { time_limit: "1 nanos" } })))
  )
})

describe("hostile details", () => {
  it.live(
    "are a deck in order: 10,000 lines, one word of 5,000 characters, emoji, scripts from right to left",
    () =>
      Effect.gen(function* () {
        const cases = [
          [Array.from({ length: 10_000 }, (_, index) => `Line ${index} of many`), 60],
          [["x".repeat(5000)], 2],
          [
            [
              "🎉".repeat(500),
              "👨‍👩‍👧‍👦 family",
              "مرحبا بالعالم",
              "שלום",
              "\ud800 lone",
              "a\u0000b\u0007c",
              "]]>&<script>"
            ],
            4
          ]
        ] as const
        for (const [source_content_details, number_of_slides] of cases) {
          const { deck } = yield* create({ source_content_details, number_of_slides })
          expect(deck.slides).toBe(number_of_slides)
          expect((yield* presentation(deck)).problems).toEqual([])
        }
      }).pipe(Effect.provide(program()))
  )

  it.live("do not delay other callers while they are drawn", () =>
    Effect.gen(function* () {
      const done = yield* Deferred.make<void>()
      const lines = Array.from({ length: 10_000 }, (_, index) => `Line ${index} of many`)
      yield* create({ source_content_details: lines, number_of_slides: 60 }).pipe(
        Effect.ensuring(Deferred.succeed(done, undefined)),
        Effect.forkChild
      )
      let turns = 0
      while (!(yield* Deferred.isDone(done))) {
        yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
        turns++
      }
      // As long as it took, others had their turn: thousands of times, where a blocked loop has a handful.
      expect(turns).toBeGreaterThan(200)
    }).pipe(Effect.provide(program()))
  )
})

describe("MCP clients", () => {
  for (const [name, make] of newClients) {
    it.live(`${name}: makes a deck, follows its link, and gets the file`, () =>
      Effect.gen(function* () {
        const url = yield* endpoint
        yield* Effect.promise(async () => {
          const client = make()
          await client.connect(new StreamableHTTPClientTransport(url))
          const answer = await client.callTool({ name: "content.create", arguments: highlights })
          const link = answer.content.find((block) => block.type === "resource_link")
          expect(link).toMatchObject({ uri: "output://Acme/Q3/content.pptx" })
          const { resourceTemplates } = await client.listResourceTemplates()
          expect(resourceTemplates.map(({ uriTemplate }) => uriTemplate)).toContain(
            "output://{client}/{project}/{file}"
          )
          const { contents } = await client.readResource({ uri: (link as { uri: string }).uri })
          const bytes = new Uint8Array(Buffer.from((contents[0] as { blob: string }).blob, "base64"))
          const { problems, slides } = await read(bytes)
          expect(problems).toEqual([])
          expect(slides).toHaveLength(5)
          await expect(client.readResource({ uri: "output://Acme/Q3/content-9.pptx" })).rejects.toThrow()
          await client.close()
        })
      }).pipe(Effect.provide(service()))
    )
  }
})
