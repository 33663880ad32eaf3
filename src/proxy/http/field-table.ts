import type { FieldLines } from './field-lines.ts'

/** What one line of a known name does to what is gathered; a result ends the reading of the head with that fault. */
export type TakeField<Gathered, Failure> = (lines: FieldLines, index: number, gathered: Gathered) => Failure | undefined

interface KnownField<Gathered, Failure> {
  readonly lowerName: string
  readonly take: TakeField<Gathered, Failure>
}

/** No longer name is known. */
const maxNameLength = 40

/** Fields that the proxy understands, by name. Sorted by length: nearly every line is passed over without a look at its letters. */
export class FieldTable<Gathered, Failure> {
  private readonly byLength: KnownField<Gathered, Failure>[][] = Array.from({ length: maxNameLength + 1 }, () => [])
  private readonly ownPrefix: string
  private readonly takeOwn: TakeField<Gathered, Failure>

  /** `takeOwn` gets the lines whose name begins with `ownPrefix` and is not in the table. */
  constructor(fields: Readonly<Record<string, TakeField<Gathered, Failure>>>, ownPrefix: string, takeOwn: TakeField<Gathered, Failure>) {
    for (const [lowerName, take] of Object.entries(fields)) this.byLength[lowerName.length]?.push({ lowerName, take })
    this.ownPrefix = ownPrefix
    this.takeOwn = takeOwn
  }

  /** Takes every line of the last scan; the first fault ends it. */
  takeAll(lines: FieldLines, gathered: Gathered): Failure | undefined {
    for (let index = 0; index < lines.count; index += 1) {
      const failure = this.take(lines, index, gathered)
      if (failure !== undefined) return failure
    }
    return undefined
  }

  private take(lines: FieldLines, index: number, gathered: Gathered): Failure | undefined {
    const length = lines.nameLength(index)
    const candidates = this.byLength[length]
    if (candidates !== undefined) {
      for (const known of candidates) if (lines.nameIs(index, known.lowerName)) return known.take(lines, index, gathered)
    }
    return length >= this.ownPrefix.length && lines.nameStartsWith(index, this.ownPrefix) ? this.takeOwn(lines, index, gathered) : undefined
  }
}

/** For fields that go no further. */
export const dropField = (lines: FieldLines, index: number): undefined => {
  lines.drop(index)
}
