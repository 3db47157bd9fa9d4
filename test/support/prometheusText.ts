/** Strict parser of the Prometheus text format (exposition format 0.0.4). */

export interface Family {
  readonly type: string
  readonly help: string
  /** By name and labels as written, `a_total{b="c"}`. */
  readonly samples: Map<string, number>
}

const nameForm = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/
const sampleForm = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{([^]*)\})? (\S+)$/
const labelForm = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,(?!$)|$)/
const valueForm = /^(?:[+-]Inf|NaN|[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/i

const labelsOf = (text: string): ReadonlyMap<string, string> => {
  const found = new Map<string, string>()
  for (let rest = text; rest !== "";) {
    const [all = "", name = "", value = ""] = labelForm.exec(rest) ?? []
    if (all === "") throw new Error(`no labels: ${text}`)
    if (found.has(name)) throw new Error(`label ${name} twice: ${text}`)
    found.set(name, value)
    rest = rest.slice(all.length)
  }
  return found
}

const familyOf = (name: string, type: string) =>
  type === "histogram" ? name.replace(/_(?:bucket|sum|count)$/, "") : name

const checkHistogram = (name: string, { samples }: Family) => {
  const series = new Map<string, Array<readonly [number, number]>>()
  for (const [key, value] of samples) {
    const [, sample, labels = ""] = /^([^{]+)(?:\{([^]*)\})?$/.exec(key) ?? []
    if (sample !== `${name}_bucket`) continue
    const le = labelsOf(labels).get("le") ?? "none"
    const others = labels.replace(/,?le="[^"]*"/, "")
    const bound = le === "+Inf" ? Infinity : Number(le)
    series.set(others, [...(series.get(others) ?? []), [bound, value]])
  }
  for (const [labels, buckets] of series) {
    const braces = labels === "" ? "" : `{${labels}}`
    buckets.reduce(
      ([bound, count], next) => {
        if (!(next[0] > bound) || next[1] < count)
          throw new Error(`buckets of ${name}${braces} do not ascend`)
        return next
      },
      [-Infinity, 0] as const
    )
    const [last, total] = buckets.at(-1) ?? []
    if (last !== Infinity) throw new Error(`${name}${braces} has no bucket +Inf`)
    if (samples.get(`${name}_count${braces}`) !== total) throw new Error(`${name}${braces} counts differ`)
    if (!samples.has(`${name}_sum${braces}`)) throw new Error(`${name}${braces} has no sum`)
  }
}

/** Throws at the first violation of the format. */
export const parse = (text: string): ReadonlyMap<string, Family> => {
  if (!text.endsWith("\n")) throw new Error("the last line must end with a line feed")
  const families = new Map<string, Family>()
  let current: readonly [string, Family] | undefined
  let help: readonly [string, string] | undefined
  for (const line of text.slice(0, -1).split("\n")) {
    const [, kind, name = "", rest = ""] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? []
    if (kind === "HELP") {
      help = [name, rest]
    } else if (kind === "TYPE") {
      if (!nameForm.test(name) || !/^(?:counter|gauge|histogram)$/.test(rest)) throw new Error(line)
      if (families.has(name)) throw new Error(`${name} is described twice, or its series are apart`)
      if (help?.[0] !== name) throw new Error(`${name} has no help`)
      current = [name, { type: rest, help: help[1], samples: new Map() }]
      families.set(...current)
      if (rest === "counter" && !name.endsWith("_total")) throw new Error(`counter ${name} lacks _total`)
    } else {
      const [, sample = "", labels = "", value = ""] = sampleForm.exec(line) ?? []
      if (!valueForm.test(value)) throw new Error(`no sample: ${line}`)
      if (current === undefined || familyOf(sample, current[1].type) !== current[0]) {
        throw new Error(`${line} stands under ${current?.[0]}`)
      }
      labelsOf(labels)
      const key = labels === "" ? sample : `${sample}{${labels}}`
      if (current[1].samples.has(key)) throw new Error(`${key} twice`)
      if (current[1].type === "counter" && !(Number(value) >= 0)) throw new Error(`${line} is below 0`)
      current[1].samples.set(key, value === "+Inf" ? Infinity : Number(value))
    }
  }
  for (const [name, family] of families) if (family.type === "histogram") checkHistogram(name, family)
  return families
}
