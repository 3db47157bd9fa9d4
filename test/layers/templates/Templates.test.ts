/** Templates from real folders: what they can say, how they fail, what bounds them, and that an edit takes effect. */
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

/** What the template `t` writes. */
const written = (files: Files, variables: Record<string, unknown> = {}, options: Options = {}) =>
  Effect.flatMap(open(files, options), ({ render }) => render("t", variables))

/** Why it does not: the place without the folder, and the reason. */
const failure = (files: Files, variables: Record<string, unknown> = {}, options: Options = {}) =>
  Effect.map(Effect.flip(written(files, variables, options)), (error) => {
    if (error._tag !== "TemplateError") throw error
    return `${error.reason} ${error.brief}`
  })

describe("a template", () => {
  it.live("writes its variables as they are: no escaping, no trimming, no second look", () =>
    Effect.gen(function* () {
      const text = "<&>\"' {{it.other}} {{! throw 1 }} ${1} \\n\r\n`x`  "
      expect(yield* written({ t: "[{{ it.text }}]\n" }, { text })).toBe(`[${text}]`)
    })
  )

  it.live("takes no line for a control tag that stands alone, and keeps all others", () =>
    Effect.gen(function* () {
      const t =
        "a\n  {{! const n = 2 }}\n{{@if(n > 1)}}\nb\n{{#else}}\nc\n{{/if}}\n\nd {{@if(true)}}e{{/if}}\n"
      expect(yield* written({ t })).toBe("a\nb\n\nd e")
    })
  )

  it.live("extends layouts over several levels, and @super is what stood there before", () =>
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

  it.live("gives a block no variable that happens to have its name", () =>
    Effect.gen(function* () {
      const files = { t: '{{@block("intro")}}default{{/block}}' }
      expect(yield* written(files, { intro: "from outside" })).toBe("default")
    })
  )

  it.live("has macros, its own and another's, partials and loops", () =>
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

  it.live("has filters, also asynchronous ones, and waits for what it calls", () =>
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

it.live("what others in the process define for Squirrelly is not there", () =>
  Effect.gen(function* () {
    squirrelly.filters.define("foreign", String)
    squirrelly.helpers.define("foreign", () => "foreign")
    squirrelly.templates.define("foreign", () => "foreign")
    expect(yield* failure({ t: "{{ 1 | foreign }}" })).toBe('syntax t.sqrl:1: there is no filter "foreign"')
    expect(yield* failure({ t: "{{@foreign()/}}" })).toBe('syntax t.sqrl:1: there is no helper "foreign"')
    expect(yield* failure({ t: '{{@include("foreign")/}}' })).toBe(
      'unknown t.sqrl:1: there is no template "foreign"'
    )
    for (const container of [squirrelly.filters, squirrelly.helpers, squirrelly.templates])
      container.remove("foreign")
  })
)

describe("an error", () => {
  const cases: ReadonlyArray<readonly [string, Files, string]> = [
    [
      "a missing variable",
      { t: "a\nb {{ it.topik }}" },
      'variable t.sqrl:2: there is no variable "topik"; did you mean "topic"?'
    ],
    [
      "one in a partial",
      { t: '\n{{@include("p")/}}', p: "\n\n{{ it.gone }}" },
      'variable p.sqrl:3: there is no variable "gone"'
    ],
    [
      "one after a partial",
      { t: 'x\n{{@include("p")/}}\n{{ it.gone }}', p: "\n\n\n\n" },
      'variable t.sqrl:3: there is no variable "gone"'
    ],
    [
      "one in a condition",
      { t: "{{@if(false)}}\n\n{{#elif(it.gone)}}\n{{/if}}" },
      'variable t.sqrl:3: there is no variable "gone"'
    ],
    [
      "one in a macro",
      { t: '{{@macro("m") => x}}\n{{ it.gone }}\n{{/macro}}\n\n{{@call("m", 1)/}}' },
      'variable t.sqrl:2: there is no variable "gone"'
    ],
    [
      "one in another's block",
      { t: '{{@extends("p")}}\n{{#b}}\n{{ it.gone }}\n{{/extends}}', p: '{{@block("b")}}{{/block}}' },
      'variable t.sqrl:3: there is no variable "gone"'
    ],
    [
      "what every object has",
      { t: "{{ it.constructor }}" },
      'variable t.sqrl:1: there is no variable "constructor"'
    ],
    ["a variable without a value", { t: "\n{{ it.none }}" }, "variable t.sqrl:2: it.none has no value"],
    [
      "an assignment to a variable",
      { t: "{{! it.topic = 1 }}" },
      'variable t.sqrl:1: the variable "topic" cannot be changed'
    ],
    [
      "a value that is no text",
      { t: "{{ it.list }}" },
      "failed t.sqrl:1: a object is no text; use a filter such as join or json"
    ],
    [
      "code that throws",
      { t: "\n\n{{! null.x }}" },
      "failed t.sqrl:3: null is not an object (evaluating 'null.x')"
    ],
    [
      "an unknown filter",
      { t: "\n{{ it.topic | uper }}" },
      'syntax t.sqrl:2: there is no filter "uper"; did you mean "upper"?'
    ],
    [
      "an alternative without parentheses",
      { t: "{{ it.topic || 1 }}" },
      'syntax t.sqrl:1: there is no filter ""'
    ],
    [
      "an unknown helper",
      { t: "\n\n{{@inclde('p')/}}" },
      'syntax t.sqrl:3: there is no helper "inclde"; did you mean "include"?'
    ],
    [
      "an arrow function in a value",
      { t: "{{ it.list.map((x) => x) }}" },
      "syntax t.sqrl:1: an arrow function is not understood here"
    ],
    ["a tag that is not closed", { t: "a\nb {{ it.topic" }, "syntax t.sqrl:2: unclosed tag"],
    [
      "a helper that is not closed",
      { t: "\n{{@if(true)}}{{@super/}}x" },
      'syntax t.sqrl:2: unclosed helper "if"'
    ],
    [
      "code that is no JavaScript",
      { t: "a\n{{ it.topic }}\n{{! const = 3 }}\nb {{ it.topic }}" },
      "syntax t.sqrl:3: Unexpected token"
    ],
    [
      "a layout that is not there",
      { t: '\n{{@extends("absent")/}}' },
      'unknown t.sqrl:2: there is no template "absent"'
    ],
    [
      "a partial named like a method",
      { t: "{{@include('constructor')/}}" },
      'unknown t.sqrl:1: there is no template "constructor"'
    ],
    [
      "a macro that is not there",
      { t: "{{@call('absent')/}}" },
      'unknown t.sqrl:1: there is no macro "absent"'
    ],
    [
      "a layout that extends itself",
      { t: "{{@extends('p')/}}", p: "\n{{@extends('t')/}}" },
      "nesting p.sqrl:2: a layout extends itself: t → p → t"
    ],
    [
      "a partial that includes itself",
      { t: "{{@include('p')/}}", p: "{{@include('q')/}}", q: "{{@include('p')/}}" },
      "nesting p.sqrl:1: templates within templates without end: … q → p"
    ],
    [
      "a part for a block that is not there",
      { t: "{{@extends('p')}}{{#boddy}}x{{/extends}}", p: "{{@block('body')}}{{/block}}" },
      'syntax t.sqrl:1: there is no block in p "boddy"; did you mean "body"?'
    ],
    [
      "text that no block takes",
      { t: "{{@extends('p')}}lost{{/extends}}", p: "{{@block('body')}}{{/block}}" },
      "syntax t.sqrl:1: text before the first part"
    ],
    ["a super outside of a part", { t: "{{@super/}}" }, "syntax t.sqrl:1: @super stands in no part"]
  ]
  for (const [name, files, expected] of cases) {
    it.live(`names the place of ${name}`, () =>
      Effect.gen(function* () {
        expect(yield* failure(files, { topic: "x", none: undefined, list: [1] })).toStartWith(expected)
      })
    )
  }

  it.live("of a template that nobody has says so", () =>
    Effect.gen(function* () {
      expect(yield* failure({ "summarize.txt": "no template" })).toBe(
        'unknown t.sqrl: there is no template "t"'
      )
    })
  )

  it.live("has the file for the operator, and leaves the folder out for callers", () =>
    Effect.gen(function* () {
      const { dir, render } = yield* open({ "deep/t": "\n{{ it.x }}" })
      const error = yield* Effect.flip(render("deep/t"))
      expect(error.message).toBe(`${dir}/deep/t.sqrl:2: there is no variable "x"`)
      expect(error.brief).not.toContain(dir)
    })
  )

  it.live("is a folder that cannot be read, named together with the setting", () =>
    Effect.gen(function* () {
      const layer = Templates.layer.pipe(
        Layer.provide(ConfigSource.layerFrom({ templates: { dir: "/absent/templates" } })),
        Layer.provide(Platform.layer)
      )
      const error = yield* Effect.flip(Layer.build(layer))
      expect(error.message).toBe("templates.dir /absent/templates: cannot be read (NotFound)")
    })
  )
})

describe("a rendering is bounded", () => {
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
    it.live(`in size: ${name}`, () =>
      Effect.gen(function* () {
        const many = Array.from({ length: 1000 }, (_, index) => index)
        expect(yield* failure(files, { many, long: "x".repeat(1001) }, { settings })).toMatch(
          /^size \w\.sqrl(:1)?: it writes more than 1000 characters \(templates\.max_chars\)$/
        )
      })
    )
  }

  it.live("in steps: a loop that writes nothing", () =>
    Effect.gen(function* () {
      expect(yield* failure({ t: "\n{{! for (;;) { }}{{! } }}" })).toStartWith(
        "time t.sqrl:2: it did not end within"
      )
    })
  )

  it.effect("in time: a filter that never answers", () =>
    Effect.gen(function* () {
      const own = { never: () => new Promise(() => {}) }
      const fiber = yield* Effect.forkChild(failure({ t: "{{ 1 | never }}" }, {}, { filters: own }))
      // The folder is read and the compiler loaded in real time.
      while (fiber.pollUnsafe() === undefined) {
        yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
        yield* TestClock.adjust("1 second")
      }
      expect(yield* Fiber.join(fiber)).toBe("time t.sqrl: it took longer than 5s (templates.timeout)")
    })
  )
})

describe("the cache", () => {
  const files = { t: "{{ it.x }}" }

  it.effect("keeps a text by template and variables until its time is over", () =>
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

  it.effect("forgets when it is told to, and keeps nothing for no time", () =>
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

  it.effect("counts failures, and keeps none", () =>
    Effect.gen(function* () {
      const { render, templates } = yield* open(files)
      yield* Effect.repeat(Effect.flip(render("t")), { times: 1 })
      expect(yield* templates.stats).toMatchObject({ renders: 2, hits: 0, failures: 2, entries: 0 })
    })
  )
})

describe("an operator's folder", () => {
  const variables = { topic: "T", tone: "concise", audience: "general", content_type: "email" }

  it.live("stands above the program's templates, one by one", () =>
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
      "cannot be compiled",
      { content_create: "\n{{ it.topic | nosuch }}" },
      'content_create.sqrl:2: there is no filter "nosuch"'
    ],
    [
      "asks for what there is not",
      { content_create: "{{ it.nosuch }}" },
      'content_create.sqrl:1: there is no variable "nosuch"'
    ],
    [
      "has no layout",
      { content_create: '{{@extends("gone")/}}' },
      'content_create.sqrl:1: there is no template "gone"'
    ],
    ["is a broken layout", { base: "\n\n{{/if}}" }, "base.sqrl:3: "]
  ] as const) {
    it.live(`leaves a template to the program that ${name}, and says so once`, () =>
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

  it.live("takes effect when a file is saved, added or removed, and tells", () =>
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

describe("the check", () => {
  it.live("compiles every template, renders every example, and names file and line", () =>
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
          problems: ['embedded absent.sqrl: there is no template "absent"']
        },
        {
          name: "bad",
          file: `${dir}/bad.sqrl`,
          rendered: 1,
          problems: [`${dir}/bad.sqrl:2: there is no variable "other"`]
        },
        { name: "good", file: `${dir}/good.sqrl`, rendered: 2, problems: [] },
        {
          name: "worse",
          file: `${dir}/worse.sqrl`,
          rendered: 0,
          problems: [`${dir}/worse.sqrl:1: there is no filter "nosuch"`]
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

  it.live("shows a template that works", () =>
    Effect.gen(function* () {
      const [, t = ""] = /```sqrl\n([^]*?)```/.exec(yield* Effect.promise(() => page)) ?? []
      const variables = { topic: "T", audience: "general", tone: "dry", client_id: undefined }
      const text = yield* written({ t }, variables)
      expect(text).toContain("Summarize the topic below and its background.\n")
      expect(text).toContain("<topic>T</topic>\n<client>none</client>\n")
      expect(text).toContain("# Output\n\n1. POINTS\n2. SOURCES\n")
    })
  )

  it.live("names every helper and every filter", () =>
    Effect.gen(function* () {
      const text = yield* Effect.promise(() => page)
      for (const name of Object.keys(helpers)) expect(text).toContain(`{{@${name}`)
      const [, named = ""] = /^Filters: ([^]*?)\. A program/m.exec(text) ?? []
      expect(Array.from(named.matchAll(/`([a-z]+)/g), ([, name]) => name)).toEqual(Object.keys(filters))
    })
  )
})
