/** The one of `names` that `word` most likely is a slip of: the least edits (Levenshtein), half of the word at most. */
export function nearest(word: string, names: readonly string[]): string | undefined {
  const ranked = names.map((name) => ({ name, edits: editsBetween(word, name) })).toSorted((a, b) => a.edits - b.edits)
  const [best] = ranked
  return best && best.edits * 2 <= word.length ? best.name : undefined
}

/** Insertions, deletions and replacements from one text to the other, row by row: kitten → sitting is 3. */
function editsBetween(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_unused, index) => index)
  for (let index = 0; index < one.length; index += 1) {
    const next = [index + 1]
    for (let at = 0; at < other.length; at += 1) {
      const replaced = (row[at] ?? 0) + (one[index] === other[at] ? 0 : 1)
      next.push(Math.min(replaced, (row[at + 1] ?? 0) + 1, (next[at] ?? 0) + 1))
    }
    row = next
  }
  return row.at(-1) ?? 0
}
