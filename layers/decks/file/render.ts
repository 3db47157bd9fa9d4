/** Makes the file of an outline: a presentation of PowerPoint 2007 and later (ECMA-376), as bytes. */
import { chartParts } from "./charts.ts"
import { page, type Item } from "../page/Item.ts"
import { shapeTree } from "./drawing.ts"
import { frames } from "../page/layouts.ts"
import {
  defaultText,
  footer,
  layoutXml,
  masterXml,
  namespaces,
  notesMasterXml,
  notesXml,
  pageNumber,
  themeXml
} from "./master.ts"
import type { Layout, Outline } from "../outline/Outline.ts"
import { draw } from "../page/pages.ts"
import type { Picture } from "../Picture.ts"
import { palette as toPalette, type ThemeFile } from "../Theme.ts"
import { declaration, escape } from "./xml.ts"
import { zip, type File } from "./zip.ts"

export interface Rendering {
  readonly outline: Outline
  readonly theme: { readonly name: string; readonly file: ThemeFile; readonly logo?: Picture | undefined }
  /** By their source, as the outline names them. */
  readonly pictures: ReadonlyMap<string, Picture>
  /** ISO 8601. */
  readonly created: string
}

export interface Rendered {
  readonly bytes: Uint8Array<ArrayBuffer>
  /** Pages, counted from 1, that do not show all that they were given; their notes have it. */
  readonly cut: ReadonlyArray<number>
}

const office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
const packages = "http://schemas.openxmlformats.org/package/2006"
/** Characters of the notes of one page. */
const mostNotes = 12_000

interface Relation {
  readonly type: string
  readonly target: string
}

const relationsXml = (relations: ReadonlyArray<Relation>, prefix = `${office}/`) =>
  `${declaration}<Relationships xmlns="${packages}/relationships">${relations
    .map(
      ({ target, type }, index) =>
        `<Relationship Id="rId${index + 1}" Type="${type.startsWith("http") ? type : prefix + type}" Target="${target}"/>`
    )
    .join("")}</Relationships>`

const ooxml = "application/vnd.openxmlformats-officedocument"
const types: ReadonlyArray<readonly [RegExp, string]> = [
  [/^ppt\/presentation\.xml$/, `${ooxml}.presentationml.presentation.main+xml`],
  [/^ppt\/slideMasters\/[^/]+\.xml$/, `${ooxml}.presentationml.slideMaster+xml`],
  [/^ppt\/slideLayouts\/[^/]+\.xml$/, `${ooxml}.presentationml.slideLayout+xml`],
  [/^ppt\/slides\/[^/]+\.xml$/, `${ooxml}.presentationml.slide+xml`],
  [/^ppt\/notesMasters\/[^/]+\.xml$/, `${ooxml}.presentationml.notesMaster+xml`],
  [/^ppt\/notesSlides\/[^/]+\.xml$/, `${ooxml}.presentationml.notesSlide+xml`],
  [/^ppt\/theme\/[^/]+\.xml$/, `${ooxml}.theme+xml`],
  [/^ppt\/charts\/[^/]+\.xml$/, `${ooxml}.drawingml.chart+xml`],
  [/^ppt\/presProps\.xml$/, `${ooxml}.presentationml.presProps+xml`],
  [/^ppt\/viewProps\.xml$/, `${ooxml}.presentationml.viewProps+xml`],
  [/^ppt\/tableStyles\.xml$/, `${ooxml}.presentationml.tableStyles+xml`],
  [/^docProps\/core\.xml$/, "application/vnd.openxmlformats-package.core-properties+xml"],
  [/^docProps\/app\.xml$/, `${ooxml}.extended-properties+xml`]
]

/** By what there is: a type for every part, and a part for every type. */
const contentTypes = (files: ReadonlyArray<File>): string => {
  const overrides = files.flatMap(({ name }) => {
    const type = types.find(([pattern]) => pattern.test(name))?.[1]
    return type === undefined ? [] : [`<Override PartName="/${name}" ContentType="${type}"/>`]
  })
  const defaults = [
    ["rels", "application/vnd.openxmlformats-package.relationships+xml"],
    ["xml", "application/xml"],
    ["png", "image/png"],
    ["jpeg", "image/jpeg"],
    ["gif", "image/gif"],
    ["xlsx", `${ooxml}.spreadsheetml.sheet`]
  ].filter(([extension]) => extension === "rels" || files.some(({ name }) => name.endsWith(`.${extension}`)))
  return `${declaration}<Types xmlns="${packages}/content-types">${defaults
    .map(([extension, type]) => `<Default Extension="${extension}" ContentType="${type}"/>`)
    .join("")}${overrides.join("")}</Types>`
}

const core = (title: string, created: string) =>
  `${declaration}<cp:coreProperties xmlns:cp="${packages}/metadata/core-properties" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><dc:title>${escape(title)}</dc:title><dcterms:created xsi:type="dcterms:W3CDTF">${created}</dcterms:created><dcterms:modified xsi:type="dcterms:W3CDTF">${created}</dcterms:modified></cp:coreProperties>`

const application = (slides: number) =>
  `${declaration}<Properties xmlns="${office.replace("relationships", "extended-properties")}"><Application>manifold</Application><PresentationFormat>Widescreen</PresentationFormat><Slides>${slides}</Slides><Notes>${slides}</Notes></Properties>`

const presentation = (slides: number) =>
  `${declaration}<p:presentation ${namespaces} saveSubsetFonts="1"><p:sldMasterIdLst><p:sldMasterId id="2147483648" r:id="rId1"/></p:sldMasterIdLst><p:notesMasterIdLst><p:notesMasterId r:id="rId2"/></p:notesMasterIdLst><p:sldIdLst>${Array.from({ length: slides }, (_, index) => `<p:sldId id="${256 + index}" r:id="rId${index + 7}"/>`).join("")}</p:sldIdLst><p:sldSz cx="12192000" cy="6858000"/><p:notesSz cx="6858000" cy="9144000"/>${defaultText}</p:presentation>`

/** Pictures that are used more than once are stored once. */
class Media {
  readonly files: Array<File> = []
  private readonly targets = new Map<Picture, string>()

  target(picture: Picture): string {
    let target = this.targets.get(picture)
    if (target === undefined) {
      const name = `image${this.targets.size + 1}.${picture.extension}`
      target = `../media/${name}`
      this.targets.set(picture, target)
      this.files.push({ name: `ppt/media/${name}`, data: picture.bytes })
    }
    return target
  }
}

/** On pages that are numbered, small at the foot; on the others above, on ground that it was made for. */
const logoItems = (logo: Picture, layout: Layout, footed: boolean): ReadonlyArray<Item> => {
  const place = (height: number, most: number) => {
    const scale = Math.min(height / logo.height, most / logo.width)
    return { w: logo.width * scale, h: logo.height * scale }
  }
  const picture = (x: number, y: number, size: { readonly w: number; readonly h: number }): Item => ({
    kind: "picture",
    name: "Logo",
    area: { x, y, ...size },
    relation: "rId2",
    alt: "Logo"
  })
  if (footed) {
    if (layout === "section" || layout === "statement") return []
    const size = place(0.32, 1.6)
    return [picture(page.w - 1.7 - size.w, 7.13 - size.h / 2, size)]
  }
  const size = place(0.5, 2.4)
  const y = layout === "title" ? 6.35 : 6.4
  const ground = { x: 0.75, y: y - 0.14, w: size.w + 0.36, h: size.h + 0.28 }
  return [
    { kind: "shape", name: "Ground of the logo", area: ground, fill: "FFFFFF", geometry: "round" },
    picture(0.93, y, size)
  ]
}

export const render = async ({ created, outline, pictures, theme }: Rendering): Promise<Rendered> => {
  const palette = toPalette(theme.file)
  const layouts = frames(palette)
  const names = Object.keys(layouts) as ReadonlyArray<Layout>
  const media = new Media()
  const files: Array<File> = []
  const cut = new Set<number>()
  let charts = 0

  for (const [index, name] of names.entries()) {
    const frame = layouts[name]
    const logo = theme.logo === undefined ? [] : logoItems(theme.logo, name, frame.foot !== undefined)
    const relations: Array<Relation> = [{ type: "slideMaster", target: "../slideMasters/slideMaster1.xml" }]
    if (theme.logo !== undefined && logo.length > 0)
      relations.push({ type: "image", target: media.target(theme.logo) })
    files.push(
      { name: `ppt/slideLayouts/slideLayout${index + 1}.xml`, data: layoutXml(frame, outline.footer, logo) },
      { name: `ppt/slideLayouts/_rels/slideLayout${index + 1}.xml.rels`, data: relationsXml(relations) }
    )
  }

  const drawn: Array<Promise<ReadonlyArray<File>>> = []
  for (const [index, slide] of outline.slides.entries()) {
    const number = index + 1
    const relations: Array<Relation> = [
      { type: "slideLayout", target: `../slideLayouts/slideLayout${names.indexOf(slide.layout) + 1}.xml` },
      { type: "notesSlide", target: `../notesSlides/notesSlide${number}.xml` }
    ]
    const relate = (type: string, target: string) => `rId${relations.push({ type, target })}`
    const left: Array<string> = []
    const items = draw(
      {
        palette,
        pictures,
        picture: (picture) => relate("image", media.target(picture)),
        chart: (chart) => {
          drawn.push(chartParts(chart, ++charts, palette))
          return relate("chart", `../charts/chart${charts}.xml`)
        },
        cut: (what) => {
          cut.add(number)
          left.push(what)
        }
      },
      slide
    )
    const frame = layouts[slide.layout]
    const feet = frame.foot === undefined ? [] : [footer(outline.footer, frame.foot), pageNumber(frame.foot)]
    const said = slide.notes ?? ""
    const notes = [said, ...left.filter((text) => !said.includes(text))]
      .filter((text) => text !== "")
      .join("\n\n")
    const short = notes.length <= mostNotes ? notes : `${notes.slice(0, mostNotes - 1)}…`
    files.push(
      {
        name: `ppt/slides/slide${number}.xml`,
        data: `${declaration}<p:sld ${namespaces}><p:cSld>${shapeTree([...items, ...feet])}</p:cSld><p:clrMapOvr><a:masterClrMapping/></p:clrMapOvr></p:sld>`
      },
      { name: `ppt/slides/_rels/slide${number}.xml.rels`, data: relationsXml(relations) },
      { name: `ppt/notesSlides/notesSlide${number}.xml`, data: notesXml(short) },
      {
        name: `ppt/notesSlides/_rels/notesSlide${number}.xml.rels`,
        data: relationsXml([
          { type: "notesMaster", target: "../notesMasters/notesMaster1.xml" },
          { type: "slide", target: `../slides/slide${number}.xml` }
        ])
      }
    )
  }

  const count = outline.slides.length
  const parts: ReadonlyArray<File> = [
    {
      name: "_rels/.rels",
      data: relationsXml([
        { type: "officeDocument", target: "ppt/presentation.xml" },
        { type: `${packages}/relationships/metadata/core-properties`, target: "docProps/core.xml" },
        { type: "extended-properties", target: "docProps/app.xml" }
      ])
    },
    { name: "docProps/core.xml", data: core(outline.title, created) },
    { name: "docProps/app.xml", data: application(count) },
    { name: "ppt/presentation.xml", data: presentation(count) },
    {
      name: "ppt/_rels/presentation.xml.rels",
      data: relationsXml([
        { type: "slideMaster", target: "slideMasters/slideMaster1.xml" },
        { type: "notesMaster", target: "notesMasters/notesMaster1.xml" },
        { type: "theme", target: "theme/theme1.xml" },
        { type: "presProps", target: "presProps.xml" },
        { type: "viewProps", target: "viewProps.xml" },
        { type: "tableStyles", target: "tableStyles.xml" },
        ...outline.slides.map((_, index) => ({ type: "slide", target: `slides/slide${index + 1}.xml` }))
      ])
    },
    { name: "ppt/presProps.xml", data: `${declaration}<p:presentationPr ${namespaces}/>` },
    { name: "ppt/viewProps.xml", data: `${declaration}<p:viewPr ${namespaces}/>` },
    {
      name: "ppt/tableStyles.xml",
      data: `${declaration}<a:tblStyleLst xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" def="{5C22544A-7EE6-4342-B048-85BDC9FD1C3A}"/>`
    },
    { name: "ppt/theme/theme1.xml", data: themeXml(palette, theme.name) },
    { name: "ppt/theme/theme2.xml", data: themeXml(palette, `${theme.name} notes`) },
    { name: "ppt/slideMasters/slideMaster1.xml", data: masterXml(palette, names.length) },
    {
      name: "ppt/slideMasters/_rels/slideMaster1.xml.rels",
      data: relationsXml([
        ...names.map((_, index) => ({
          type: "slideLayout",
          target: `../slideLayouts/slideLayout${index + 1}.xml`
        })),
        { type: "theme", target: "../theme/theme1.xml" }
      ])
    },
    { name: "ppt/notesMasters/notesMaster1.xml", data: notesMasterXml() },
    {
      name: "ppt/notesMasters/_rels/notesMaster1.xml.rels",
      data: relationsXml([{ type: "theme", target: "../theme/theme2.xml" }])
    },
    ...files,
    ...(await Promise.all(drawn)).flat(),
    ...media.files
  ]
  const bytes = await zip([{ name: "[Content_Types].xml", data: contentTypes(parts) }, ...parts])
  return { bytes, cut: [...cut] }
}
