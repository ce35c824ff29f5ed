import { LbError } from './lb-error.ts'

// The part of HAProxy's configuration language that Tapedeck writes, as values and as text. Pure.
//
//   text      = opening { section }
//   opening   = { comment } blank                     what the file is
//   section   = { comment } words { directive } blank the comment is its reason
//   directive = { comment } indent words
//   words     = word { " " word }                     a word with blanks, quotes, "#" or "\" stands in '…'
//
// `parseConfig(writeConfig(config))` is `config`. Environment, `.if` and double quotes are not in it.

export interface Directive {
  words: string[]
  /** Why it is there: one comment line for each of its lines; '' where the one before speaks for both. */
  reason: string
}

export interface Section extends Directive {
  directives: Directive[]
}

export interface ConfigText {
  opening: string
  sections: Section[]
}

const indent = '    '
/** HAProxy's own limits of one line. */
const wordsMax = 64
const lineCharactersMax = 2048

/** Throws on a word that no configuration can hold: a bug here, since every name was checked before. */
export function writeConfig({ opening, sections }: ConfigText): string {
  const written = sections.map((section) => {
    const inside = section.directives.flatMap((directive) => writeLines(directive, indent))
    return [...writeLines(section, ''), ...inside].join('\n')
  })
  return [commentOf(opening, '').join('\n'), ...written].map((block) => `${block}\n`).join('\n')
}

function writeLines({ words, reason }: Directive, margin: string): string[] {
  const line = margin + words.map(quote).join(' ')
  if (words.length === 0 || words.length > wordsMax || line.length > lineCharactersMax)
    throw new RangeError(`A line has 1 to ${wordsMax} words and ${lineCharactersMax} characters: ${line}`)
  return [...(reason === '' ? [] : commentOf(reason, margin)), line]
}

function commentOf(text: string, margin: string): string[] {
  return text.split('\n').map((line) => `${margin}# ${plain(line)}`.trimEnd())
}

function quote(word: string): string {
  if (!/[\s#\\'"]/.test(plain(word)) && word !== '') return word
  return `'${word.replaceAll("'", `'\\''`)}'`
}

function plain(text: string): string {
  if (/[\u0000-\u001f\u007f]/.test(text))
    throw new RangeError(`A control character cannot be written: ${JSON.stringify(text)}`)
  return text
}

/** Throws LbError `config-text` with the line for what `writeConfig` does not write. */
export function parseConfig(text: string): ConfigText {
  const lines = text.split('\n')
  const config: ConfigText = { opening: '', sections: [] }
  let comments: string[] = []
  let opened = false
  for (const [i, line] of lines.entries()) {
    const body = line.trimStart()
    if (body.startsWith('#')) comments.push(body.replace(/^# ?/, ''))
    else if (body === '') {
      if (!opened) config.opening = comments.join('\n')
      opened = true
      comments = []
    } else {
      const directive = { words: parseWords(body, i + 1), reason: comments.join('\n') }
      comments = []
      if (body === line) config.sections.push({ ...directive, directives: [] })
      else if (config.sections.length === 0) throw foreign(i + 1, 'a directive before any section')
      else config.sections.at(-1)!.directives.push(directive)
    }
  }
  return config
}

function parseWords(line: string, number: number): string[] {
  const words: string[] = []
  // Quoted and bare pieces that touch are one word: 'it'\''s'.
  const pieces = /'([^']*)'|\\(.)|([^\s'"\\#]+)|(\s+)/gy
  let word: string | undefined
  while (pieces.lastIndex < line.length) {
    const at = pieces.lastIndex
    const found = pieces.exec(line)
    if (!found) throw foreign(number, line.slice(at, at + 20))
    if (found[4] === undefined) word = (word ?? '') + (found[1] ?? found[2] ?? found[3])
    else if (word !== undefined) {
      words.push(word)
      word = undefined
    }
  }
  if (word !== undefined) words.push(word)
  return words
}

function foreign(line: number, found: string): LbError {
  return new LbError(
    'config-text',
    `Line ${line} is none that Tapedeck writes: ${found}`,
    'Was the file changed by hand? `tapedeck lb apply` writes it anew.',
  )
}
