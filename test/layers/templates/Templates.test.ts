/** Templates in real folders: features, errors, limits, cache, reload and fallback. */
import { describe, expect } from "bun:test"
import { Deferred, Effect, Fiber, FileSystem, Layer } from "effect"
import { TestClock } from "effect/testing"
import * as squirrelly from "squirrelly"
import { ConfigSource } from "../../../layers/config/ConfigSource.ts"
import * as Platform from "../../../layers/platform/Platform.ts"
import { filters } from "../../../layers/templates/filters.ts"
import { helpers } from "../../../layers/templates/helpers.ts"
import { Templates } from "../../../layers/templates/Templates.ts"
import { it } from "../../support/effect.ts"
import { open, write, type Files, type Options } from "./templateFolder.ts"

/** Renders the template `t`. */
const written = (files: Files, variables: Record<string, unknown> = {}, options: Options = {}) =>
  Effect.flatMap(open(files, options), ({ render }) => render("t", variables))

/** The error of rendering the template `t`. */
const templateError = (files: Files, variables: Record<string, unknown> = {}, options: Options = {}) =>
  Effect.map(Effect.flip(written(files, variables, options)), (error) => {
    if (error._tag !== "TemplateError") throw error
    return error
  })

describe("a template", () => {
  it.live("inserts variables unchanged, without escaping, trimming or evaluating them", () =>
    Effect.gen(function* () {
      const text = "<&>\"' {{it.other}} {{! throw 1 }} ${1} \\n\r\n`x`  "
      expect(yield* written({ t: "[{{ it.text }}]\n" }, { text })).toBe(`[${text}]`)
    })
  )

  it.live("removes the line of a control tag alone on its line, and keeps all others", () =>
    Effect.gen(function* () {
      const t =
        "a\n  {{! const n = 2 }}\n{{@if(n > 1)}}\nb\n{{#else}}\nc\n{{/if}}\n\nd {{@if(true)}}e{{/if}}\n"
      expect(yield* written({ t })).toBe("a\nb\n\nd e")
    })
  )

  it.live("extends layouts over several levels, and @super inserts the overridden content", () =>
    Effect.gen(function* () {
      const files = {
        base: 'H({{@block("head")}}base{{/block}}) B({{@block("body")}}none{{/block}}) F({{@block("foot")}}{{ it.x }}{{/block}})',
        "layouts/mid":
          '{{@extends("base")}}{{#head}}mid+{{@super/}}{{#body}}<{{@block("inner")}}i{{/block}}>{{/extends}}',
        t: '{{@extends("layouts/mid")}}{{#head}}top+{{@super/}}{{#inner}}in {{ it.x }}{{/extends}}'
      }
      expect(yield* written(files, { x: 1 })).toBe("H(top+mid+base) B(<in 1>) F(1)")
    })
  )

  it.live("does not fill a block from a variable of the same name", () =>
    Effect.gen(function* () {
      const files = { t: '{{@block("intro")}}default{{/block}}' }
      expect(yield* written(files, { intro: "from outside" })).toBe("default")
    })
  )

  it.live("can use macros, imported macros, partials and loops", () =>
    Effect.gen(function* () {
      const files = {
        macros: '{{@macro("tag") => name, value}}<{{name}}>{{ value | upper }}</{{name}}>{{/macro}}',
        row: "{{ it.n }}={{ it.v }};",
        t: [
          '{{@use("macros")/}}',
          '{{@macro("twice") => what}}{{what}}{{what}}{{/macro}}',
          '{{@call("tag", "a", it.word)/}} {{@call("twice", "x")/}}',
          "{{@each(it.list) => item, index}}{{index}}:{{item}} {{/each}}",
          "{{! for (const item of it.list) { }}({{item}}){{! } }}",
          '{{@foreach(it.map) => n, v}}{{@include("row", { n, v })/}}{{/foreach}}',
          "{{! const or = it.list.length > 5 || it.list.map((x) => x).length }}{{or}}"
        ].join("\n")
      }
      const variables = { word: "hi", list: ["p", "q"], map: { k: 1, l: 2 } }
      expect(yield* written(files, variables)).toBe("\n<a>HI</a> xx\n0:p 1:q \n(p)(q)\nk=1;l=2;\n2")
    })
  )

  it.live("can use filters, also async ones, and awaits promises", () =>
    Effect.gen(function* () {
      const own = { later: async (value: unknown) => Promise.resolve(`${String(value)}!`) }
      const t =
        '{{ it.a | later | truncate(3) }} {{ it.code | language }} {{ 1 | plural("point") }} {{ it.list | join("; ") }} {{ it.promised }}\n{{ it.list | bullets | indent(2) }}'
      const variables = { a: "abcdef", code: "de", list: ["x", "y"], promised: Promise.resolve("kept") }
      expect(yield* written({ t }, variables, { filters: { ...filters, ...own } })).toBe(
        "ab… German (de) 1 point x; y kept\n  - x\n  - y"
      )
    })
  )
})

it.live("global filters, helpers and templates of Squirrelly are not available", () =>
  Effect.gen(function* () {
    squirrelly.filters.define("foreign", String)
    squirrelly.helpers.define("foreign", () => "foreign")
    squirrelly.templates.define("foreign", () => "foreign")
    for (const [t, reason] of [
      ["{{ 1 | foreign }}", "syntax"],
      ["{{@foreign()/}}", "syntax"],
      ['{{@include("foreign")/}}', "unknown"]
    ] as const)
      expect(yield* templateError({ t })).toMatchObject({ reason, at: 1 })
    for (const container of [squirrelly.filters, squirrelly.helpers, squirrelly.templates])
      container.remove("foreign")
  })
)

describe("a template error", () => {
  const partial = '\n{{@include("p")/}}'
  const cases: ReadonlyArray<readonly [string, Files, expected: string]> = [
    ["an unknown variable", { t: "a\nb {{ it.topik }}" }, "variable t:2"],
    ["an unknown variable in a partial", { t: partial, p: "\n\n{{ it.gone }}" }, "variable p:3"],
    [
      "an unknown variable after a partial",
      { t: `x${partial}\n{{ it.gone }}`, p: "\n\n\n\n" },
      "variable t:3"
    ],
    [
      "an unknown variable in a condition",
      { t: "{{@if(false)}}\n\n{{#elif(it.gone)}}\n{{/if}}" },
      "variable t:3"
    ],
    [
      "an unknown variable in a macro",
      { t: '{{@macro("m") => x}}\n{{ it.gone }}\n{{/macro}}\n\n{{@call("m", 1)/}}' },
      "variable t:2"
    ],
    [
      "an unknown variable in a part of a layout",
      { t: '{{@extends("p")}}\n{{#b}}\n{{ it.gone }}\n{{/extends}}', p: '{{@block("b")}}{{/block}}' },
      "variable t:3"
    ],
    ["a property of Object.prototype", { t: "{{ it.constructor }}" }, "variable t:1"],
    ["a variable without a value", { t: "\n{{ it.none }}" }, "variable t:2"],
    ["an assignment to a variable", { t: "{{! it.topic = 1 }}" }, "variable t:1"],
    ["a value that is not text", { t: "{{ it.list }}" }, "failed t:1"],
    ["code that throws", { t: "\n\n{{! null.x }}" }, "failed t:3"],
    ["an unknown filter", { t: "\n{{ it.topic | uper }}" }, "syntax t:2"],
    ["an alternative without parentheses", { t: "{{ it.topic || 1 }}" }, "syntax t:1"],
    ["an unknown helper", { t: "\n\n{{@inclde('p')/}}" }, "syntax t:3"],
    ["an arrow function in a value", { t: "{{ it.list.map((x) => x) }}" }, "syntax t:1"],
    ["an unclosed tag", { t: "a\nb {{ it.topic" }, "syntax t:2"],
    ["an unclosed helper", { t: "\n{{@if(true)}}{{@super/}}x" }, "syntax t:2"],
    [
      "code that is not JavaScript",
      { t: "a\n{{ it.topic }}\n{{! const = 3 }}\nb {{ it.topic }}" },
      "syntax t:3"
    ],
    ["an unknown layout", { t: '\n{{@extends("absent")/}}' }, "unknown t:2"],
    ["a partial named like a method", { t: "{{@include('constructor')/}}" }, "unknown t:1"],
    ["an unknown macro", { t: "{{@call('absent')/}}" }, "unknown t:1"],
    ["a layout that extends itself", { t: "{{@extends('p')/}}", p: "\n{{@extends('t')/}}" }, "nesting p:2"],
    [
      "a partial that includes itself",
      { t: "{{@include('p')/}}", p: "{{@include('q')/}}", q: "{{@include('p')/}}" },
      "nesting p:1"
    ],
    [
      "a part for an unknown block",
      { t: "{{@extends('p')}}{{#boddy}}x{{/extends}}", p: "{{@block('body')}}{{/block}}" },
      "syntax t:1"
    ],
    [
      "text outside of a part",
      { t: "{{@extends('p')}}lost{{/extends}}", p: "{{@block('body')}}{{/block}}" },
      "syntax t:1"
    ],
    ["a super outside of a part", { t: "{{@super/}}" }, "syntax t:1"],
    ["an unknown template", { "summarize.txt": "not a template" }, "unknown t:-"]
  ]
  const variables = { topic: "x", none: undefined, list: [1] }
  for (const [name, files, expected] of cases) {
    it.live(`has reason, template and line of ${name}`, () =>
      Effect.gen(function* () {
        const { at, reason, template } = yield* templateError(files, variables)
        expect(`${reason} ${template}:${at ?? "-"}`).toBe(expected)
      })
    )
  }

  const block = "{{@block('body')}}{{/block}}"
  const messages: ReadonlyArray<readonly [Files, message: string]> = [
    [{ t: "{{ it.topik }}" }, 't.sqrl:1: unknown variable "topik"; did you mean "topic"?'],
    [{ t: "{{ it.none }}" }, "t.sqrl:1: it.none has no value"],
    [{ t: "{{! it.topic = 1 }}" }, 't.sqrl:1: the variable "topic" cannot be changed'],
    [
      { t: "{{ it.list }}" },
      "t.sqrl:1: cannot insert a value of type object; use a filter such as join or json"
    ],
    [{ t: "{{! null.x }}" }, "t.sqrl:1: null is not an object (evaluating 'null.x')"],
    [{ t: "{{ it.topic || 1 }}" }, 't.sqrl:1: unknown filter ""; write a || b in parentheses'],
    [
      { t: "{{ it.list.map((x) => x) }}" },
      "t.sqrl:1: an arrow function is not supported here; define it in a separate tag {{! … }}"
    ],
    [{ t: "{{@each(1) => x}}{{/each}}" }, "t.sqrl:1: @each expects a list"],
    [{ t: "{{@extends('p')/}}", p: "{{@extends('t')/}}" }, "p.sqrl:1: a layout extends itself: t → p → t"],
    [{ t: "{{@include('t')/}}" }, "t.sqrl:1: templates are nested more than 32 levels deep: … t"],
    [
      { t: "{{@extends('p')}}{{#boddy}}x{{/extends}}", p: block },
      't.sqrl:1: unknown block in p "boddy"; did you mean "body"?'
    ],
    [
      { t: "{{@extends('p')}}lost{{/extends}}", p: block },
      "t.sqrl:1: text before the first part is not rendered: move it into a part {{#…}}"
    ],
    [{ t: "{{@super/}}" }, "t.sqrl:1: @super is only allowed inside a part"],
    [{ t: "{{@include('absent')/}}" }, 't.sqrl:1: unknown template "absent"']
  ]
  it.live("has a message with the cause and the fix", () =>
    Effect.forEach(messages, ([files, message]) =>
      Effect.map(templateError(files, variables), ({ brief }) => expect(brief).toBe(message))
    )
  )

  it.live("shows the file to the operator, and hides the folder from callers", () =>
    Effect.gen(function* () {
      const { dir, render } = yield* open({ "deep/t": "\n{{ it.x }}" })
      const error = yield* Effect.flip(render("deep/t"))
      expect(error.message).toBe(`${dir}/${error.brief}`)
      expect(error.brief).not.toContain(dir)
    })
  )

  it.live("of a folder that cannot be read names the folder and the setting", () =>
    Effect.gen(function* () {
      const layer = Templates.layer.pipe(
        Layer.provide(ConfigSource.layerFrom({ templates: { dir: "/absent/templates" } })),
        Layer.provide(Platform.layer)
      )
      const error = yield* Effect.flip(Layer.build(layer))
      expect(error).toMatchObject({ _tag: "FolderError", dir: "/absent/templates" })
      expect(error.message).toStartWith("templates.dir /absent/templates: ")
    })
  )
})

describe("a rendering is limited", () => {
  const settings = { max_chars: 1000 }
  const loops = {
    "a loop in code": { t: "{{! for (;;) { }}text{{! } }}" },
    "a loop over a list": { t: "{{@each(it.many) => x}}texttexttext{{/each}}" },
    "partials that double": {
      t: "{{@include('a')/}}{{@include('a')/}}",
      a: "{{@include('b')/}}{{@include('b')/}}",
      b: "x".repeat(400)
    },
    "one long value": { t: "{{ it.long }}" }
  }
  for (const [name, files] of Object.entries(loops)) {
    it.live(`in size, for ${name}`, () =>
      Effect.gen(function* () {
        const many = Array.from({ length: 1000 }, (_, index) => index)
        const error = yield* templateError(files, { many, long: "x".repeat(1001) }, { settings })
        expect(error).toMatchObject({
          reason: "size",
          detail: "the text is longer than 1000 characters (templates.max_chars)"
        })
      })
    )
  }

  it.live("in steps, for a loop that writes nothing", () =>
    Effect.gen(function* () {
      expect(yield* templateError({ t: "\n{{! for (;;) { }}{{! } }}" })).toMatchObject({
        reason: "time",
        at: 2,
        detail: "rendering exceeded 100000 steps"
      })
    })
  )

  it.effect("in time, for a filter that never returns", () =>
    Effect.gen(function* () {
      const own = { never: () => new Promise(() => {}) }
      const fiber = yield* Effect.forkChild(templateError({ t: "{{ 1 | never }}" }, {}, { filters: own }))
      // The folder is read and the compiler loaded in real time.
      while (fiber.pollUnsafe() === undefined) {
        yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
        yield* TestClock.adjust("1 second")
      }
      expect(yield* Fiber.join(fiber)).toMatchObject({
        reason: "time",
        detail: "rendering took longer than 5s (templates.timeout)"
      })
    })
  )
})

describe("the cache of rendered texts", () => {
  const files = { t: "{{ it.x }}" }

  it.effect("returns a text by template and variables until its TTL ends", () =>
    Effect.gen(function* () {
      const { render, templates } = yield* open(files, { settings: { cache_ttl: "1 minute" } })
      const after = (name: string, x: string) => Effect.andThen(render(name, { x }), templates.stats)
      expect(yield* after("t", "a")).toMatchObject({ renders: 1, hits: 0, entries: 1 })
      expect(yield* after("t", "a")).toMatchObject({ renders: 1, hits: 1, entries: 1 })
      expect(yield* after("t", "b")).toMatchObject({ renders: 2, hits: 1, entries: 2 })
      yield* TestClock.adjust("59 seconds")
      expect(yield* after("t", "b")).toMatchObject({ renders: 2, hits: 2 })
      yield* TestClock.adjust("1 second")
      expect(yield* after("t", "b")).toMatchObject({ renders: 3, hits: 2 })
    })
  )

  it.effect("can be cleared, and is disabled by a TTL of 0", () =>
    Effect.gen(function* () {
      const { render, templates } = yield* open(files)
      yield* render("t", { x: "a" })
      yield* templates.invalidate
      yield* render("t", { x: "a" })
      expect(yield* templates.stats).toMatchObject({ renders: 2, hits: 0, failures: 0 })
      const off = yield* open(files, { settings: { cache_ttl: 0 } })
      yield* Effect.repeat(off.render("t", { x: "a" }), { times: 2 })
      expect(yield* off.templates.stats).toMatchObject({ renders: 3, hits: 0, entries: 0 })
    })
  )

  it.effect("counts failures without caching them", () =>
    Effect.gen(function* () {
      const { render, templates } = yield* open(files)
      yield* Effect.repeat(Effect.flip(render("t")), { times: 1 })
      expect(yield* templates.stats).toMatchObject({ renders: 2, hits: 0, failures: 2, entries: 0 })
    })
  )
})

describe("the operator's template folder", () => {
  const variables = { topic: "T", tone: "concise", audience: "general", content_type: "email" }

  it.live("overrides built-in templates one by one", () =>
    Effect.gen(function* () {
      const { log, render } = yield* open({
        base: 'Mine: {{@block("role")}}{{/block}}{{@block("task")}}{{/block}}{{@block("input")}}{{/block}}{{@block("requirements")}}{{/block}}{{@block("facts")}}{{/block}}{{@block("output")}}{{/block}}'
      })
      const text = yield* render("content_create", variables)
      expect(text).toStartWith("Mine: ")
      expect(text).toContain("Create the content below")
      expect(log).toEqual([])
    })
  )

  for (const [name, files, problem] of [
    [
      "does not compile",
      { content_create: "\n{{ it.topic | nosuch }}" },
      'content_create.sqrl:2: unknown filter "nosuch"'
    ],
    [
      "uses an unknown variable",
      { content_create: "{{ it.nosuch }}" },
      'content_create.sqrl:1: unknown variable "nosuch"'
    ],
    [
      "extends an unknown layout",
      { content_create: '{{@extends("gone")/}}' },
      'content_create.sqrl:1: unknown template "gone"'
    ],
    ["overrides a layout that does not compile", { base: "\n\n{{/if}}" }, "base.sqrl:3: "]
  ] as const) {
    it.live(`falls back to the built-in template and logs once if a file ${name}`, () =>
      Effect.gen(function* () {
        const { dir, log, render, templates } = yield* open(files, { settings: { cache_ttl: 0 } })
        const text = yield* render("content_create", variables)
        expect(text).toContain("Create the content below")
        yield* render("content_create", variables)
        expect(log).toHaveLength(1)
        expect(log[0]).toStartWith(`Error ${dir}/${problem}`)
        const report = yield* templates.check
        if (problem.includes("filter")) expect(report.ok).toBe(false)
      })
    )
  }

  it.live("is reloaded when a file is saved, added or removed, and observers are notified", () =>
    Effect.gen(function* () {
      const { dir, render, templates } = yield* open({ t: "one" })
      const fs = yield* FileSystem.FileSystem
      let changed = yield* Deferred.make<void>()
      yield* templates.watch(Effect.suspend(() => Deferred.succeed(changed, undefined)))
      const edit = Effect.fnUntraced(function* <E, R>(action: Effect.Effect<void, E, R>) {
        changed = yield* Deferred.make<void>()
        yield* action
        yield* Deferred.await(changed)
      })
      expect(yield* render("t")).toBe("one")
      yield* edit(write(dir, { t: "two" }))
      expect(yield* render("t")).toBe("two")
      yield* edit(write(dir, { content_create: "mine" }))
      expect(yield* render("content_create")).toBe("mine")
      yield* edit(fs.remove(`${dir}/content_create.sqrl`))
      expect(yield* render("content_create", variables)).toContain("Create the content below")
      expect((yield* templates.stats).version).toBe(3)
    }).pipe(Effect.provide(Platform.layer))
  )
})

describe("the check of templates", () => {
  it.live("compiles every template, renders every example, and reports file and line", () =>
    Effect.gen(function* () {
      const { dir, templates } = yield* open({
        good: "{{ it.x }}",
        bad: "\n{{ it.other }}",
        worse: "{{ 1 | nosuch }}"
      })
      yield* templates.example(() => [
        { template: "good", variables: { x: 1 } },
        { template: "good", variables: { x: 2 } },
        { template: "bad", variables: { x: 1 } },
        { template: "absent", variables: {} }
      ])
      const { ok, templates: found } = yield* templates.check
      expect(ok).toBe(false)
      expect(found.filter(({ file, name }) => file !== null || name === "absent")).toEqual([
        {
          name: "absent",
          file: null,
          rendered: 1,
          problems: ['built-in absent.sqrl: unknown template "absent"']
        },
        {
          name: "bad",
          file: `${dir}/bad.sqrl`,
          rendered: 1,
          problems: [`${dir}/bad.sqrl:2: unknown variable "other"`]
        },
        { name: "good", file: `${dir}/good.sqrl`, rendered: 2, problems: [] },
        {
          name: "worse",
          file: `${dir}/worse.sqrl`,
          rendered: 0,
          problems: [`${dir}/worse.sqrl:1: unknown filter "nosuch"`]
        }
      ])
      expect(
        found.filter(({ file, problems }) => file === null && problems.length > 0).map(({ name }) => name)
      ).toEqual(["absent"])
    })
  )
})

describe("docs/templates.md", () => {
  const page = Bun.file(new URL("../../../docs/templates.md", import.meta.url)).text()

  it.live("shows a working template", () =>
    Effect.gen(function* () {
      const [, t = ""] = /```sqrl\n([^]*?)```/.exec(yield* Effect.promise(() => page)) ?? []
      const variables = { topic: "T", audience: "general", tone: "dry", client_id: undefined }
      const text = yield* written({ t }, variables)
      expect(text).toContain("Summarize the topic below and its background.\n")
      expect(text).toContain("<topic>T</topic>\n<client>none</client>\n")
      expect(text).toContain("# Output\n\n1. POINTS\n2. SOURCES\n")
    })
  )

  it.live("lists every helper and every filter", () =>
    Effect.gen(function* () {
      const text = yield* Effect.promise(() => page)
      for (const name of Object.keys(helpers)) expect(text).toContain(`{{@${name}`)
      const [, named = ""] = /^Filters: ([^]*?)\.$/m.exec(text) ?? []
      expect(Array.from(named.matchAll(/`([a-z]+)/g), ([, name]) => name)).toEqual(Object.keys(filters))
    })
  )
})
