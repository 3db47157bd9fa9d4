/** Makes one page of metrics from those of several workers, in the Prometheus text format. */

/** A sample: its name, its labels if it has any, and the rest. */
const sample = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/

/** The page of one worker, whose samples get the label `worker`. */
export interface WorkerPage {
  readonly worker: number
  readonly text: string
}

interface Family {
  readonly comments: Array<string>
  readonly samples: Array<string>
}

const labelled = (line: string, worker: number): string => {
  const [, name, labels, value] = sample.exec(line) ?? []
  if (name === undefined) return line
  return `${name}{worker="${worker}"${labels === undefined || labels === "" ? "" : `,${labels}`}} ${value}`
}

/** Samples of one family stay together, as the format requires; its comments are those of the first page that has it. */
export const mergeMetrics = (pages: ReadonlyArray<WorkerPage>): string => {
  const families = new Map<string, Family>()
  for (const { text, worker } of pages) {
    const known = new Set(families.keys())
    let family: Family = { comments: [], samples: [] }
    for (const line of text.split("\n")) {
      const [, name] = /^# HELP (\S+)/.exec(line) ?? []
      if (name !== undefined) {
        family = families.get(name) ?? { comments: [], samples: [] }
        families.set(name, family)
        if (!known.has(name)) family.comments.push(line)
      } else if (line.startsWith("#")) {
        const [, of = ""] = /^# \S+ (\S+)/.exec(line) ?? []
        if (!known.has(of)) family.comments.push(line)
      } else if (line !== "") family.samples.push(labelled(line, worker))
    }
  }
  const lines = [...families.values()].flatMap(({ comments, samples }) => [...comments, ...samples])
  return `${lines.join("\n")}\n`
}
