/** The helpers of templates: layouts with blocks, partials, macros and loops. */
import { absent, type Content, type Helper, type Part, type Rendering, type Variables } from "./Rendering.ts"

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

/** Writes the part at `index`; `@super` within it writes the next. */
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
    if (!Array.isArray(items)) return rendering.fail("failed", "@each wants a list")
    return loop(
      items.map((item, index) => [item, index]),
      content,
      rendering
    )
  },

  /** `{{@foreach(it.fields) => name, value}}…{{/foreach}}` */
  foreach: (content, _, rendering) => loop(Object.entries(content.params[0] ?? {}), content, rendering),

  /** `{{@include("partials/voice")/}}`, or with variables of its own `{{@include("partials/list", { items })/}}`. */
  include: ({ params: [name, variables] }, _, rendering) =>
    rendering.enter(name, variables as Variables | undefined),

  /** `{{@extends("base")}}{{#task}}…{{/extends}}`: the layout, with these parts in place of its blocks. */
  extends: async ({ exec = nothing, params: [name] }, blocks, rendering) => {
    for (const block of blocks) {
      const parts = rendering.parts.get(block.name)
      if (parts === undefined) rendering.parts.set(block.name, [block.exec ?? nothing])
      else parts.push(block.exec ?? nothing)
    }
    if ((await exec()).trim() !== "") {
      rendering.fail("syntax", `text before the first part is never shown: put it into a part, {{#…}}`)
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
          rendering.fail("syntax", absent(`block in ${layout.name}`, part, known))
      }
    }
    return rendering.enter(layout.name)
  },

  /** `{{@block("task")}}…{{/block}}`: a place that extending templates can fill, and what stands there otherwise. */
  block: ({ exec = nothing, params: [name] }, _, rendering) =>
    write([...(rendering.parts.get(named(name, "block", rendering)) ?? []), exec], 0, rendering),

  /** `{{@super/}}`: what would stand here without this part. */
  super: (_, __, rendering) => {
    const current = rendering.writing.at(-1)
    return current === undefined
      ? rendering.fail("syntax", "@super stands in no part")
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
      rendering.fail("unknown", absent("macro", String(name), [...rendering.macros.keys()]))
    return rendering.bound(await macro(...args))
  },

  /** `{{@use("macros")/}}`: has the macros of another template at hand. */
  use: async ({ params: [name] }, _, rendering) => {
    await rendering.enter(name)
    return ""
  }
}
