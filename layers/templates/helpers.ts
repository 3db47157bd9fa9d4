/** The helpers of templates: layouts with blocks, partials, macros and loops. */
import {
  unknownName,
  type Content,
  type Helper,
  type Part,
  type Rendering,
  type Variables
} from "./Rendering.ts"

const nothing: Part = async () => ""

const named = (value: unknown, kind: string, rendering: Rendering): string =>
  typeof value === "string" && value !== ""
    ? value
    : rendering.fail("syntax", `the name of a ${kind} is missing`)

const loop = async (
  items: Iterable<ReadonlyArray<unknown>>,
  { exec = nothing }: Content,
  rendering: Rendering
) => {
  let written = ""
  for (const item of items) written = rendering.bound(written + (await exec(...item)))
  return written
}

/** Writes the part at `index` of the override chain; `@super` in it writes the next one. */
const write = async (chain: ReadonlyArray<Part>, index: number, rendering: Rendering) => {
  rendering.writing.push({ chain, index })
  const written = await (chain[index] ?? nothing)()
  rendering.writing.pop()
  return rendering.bound(written)
}

export const helpers: Readonly<Record<string, Helper>> = {
  /** `{{@each(it.points) => point, index}}…{{/each}}` */
  each: (content, _, rendering) => {
    const [items] = content.params
    if (!Array.isArray(items)) return rendering.fail("failed", "@each expects a list")
    return loop(
      items.map((item, index) => [item, index]),
      content,
      rendering
    )
  },

  /** `{{@foreach(it.fields) => name, value}}…{{/foreach}}` */
  foreach: (content, _, rendering) => loop(Object.entries(content.params[0] ?? {}), content, rendering),

  /** `{{@include("partials/voice")/}}`, or with its own variables `{{@include("partials/list", { items })/}}`. */
  include: ({ params: [name, variables] }, _, rendering) =>
    rendering.enter(name, variables as Variables | undefined),

  /** `{{@extends("base")}}{{#task}}…{{/extends}}`: renders the layout, with these parts instead of its blocks. */
  extends: async ({ exec = nothing, params: [name] }, blocks, rendering) => {
    for (const block of blocks) {
      const parts = rendering.parts.get(block.name)
      if (parts === undefined) rendering.parts.set(block.name, [block.exec ?? nothing])
      else parts.push(block.exec ?? nothing)
    }
    if ((await exec()).trim() !== "") {
      rendering.fail("syntax", `text before the first part is not rendered: move it into a part {{#…}}`)
    }
    const layout = rendering.find(name)
    if (rendering.layouts.includes(layout.name)) {
      rendering.fail("nesting", `a layout extends itself: ${[...rendering.layouts, layout.name].join(" → ")}`)
    }
    rendering.layouts.push(layout.name)
    for (const block of layout.blocks) rendering.blocks.add(block)
    if (!layout.extends) {
      const known = [...rendering.blocks]
      for (const part of rendering.parts.keys()) {
        if (!rendering.blocks.has(part))
          rendering.fail("syntax", unknownName(`block in ${layout.name}`, part, known))
      }
    }
    return rendering.enter(layout.name)
  },

  /** `{{@block("task")}}…{{/block}}`: overridable content with its default. */
  block: ({ exec = nothing, params: [name] }, _, rendering) =>
    write([...(rendering.parts.get(named(name, "block", rendering)) ?? []), exec], 0, rendering),

  /** `{{@super/}}`: the content that this part overrides. */
  super: (_, __, rendering) => {
    const current = rendering.writing.at(-1)
    return current === undefined
      ? rendering.fail("syntax", "@super is only allowed inside a part")
      : write(current.chain, current.index + 1, rendering)
  },

  /** `{{@macro("field") => name, value}}…{{/macro}}` */
  macro: async ({ exec = nothing, params: [name] }, _, rendering) => {
    rendering.macros.set(named(name, "macro", rendering), exec)
    return ""
  },

  /** `{{@call("field", "topic", it.topic)/}}` */
  call: async ({ params: [name, ...args] }, _, rendering) => {
    const macro =
      rendering.macros.get(named(name, "macro", rendering)) ??
      rendering.fail("unknown", unknownName("macro", String(name), [...rendering.macros.keys()]))
    return rendering.bound(await macro(...args))
  },

  /** `{{@use("macros")/}}`: imports the macros of another template. */
  use: async ({ params: [name] }, _, rendering) => {
    await rendering.enter(name)
    return ""
  }
}
