/** A service's changes to the fields of a head. Only requests whose policy changes something come by here. */
import type { Edit, Plan } from '../../routing/policy.ts'
import { field, type Field } from './hpack/field.ts'

/** The fields of a request with the path, the authority and the headers that the plan gives it. */
export function editRequestFields(fields: readonly Field[], { target, authority, request }: Plan): readonly Field[] {
  if (target === undefined && authority === undefined && request === undefined) return fields
  const moved = fields.map((one) => {
    if (one.name === ':path' && target !== undefined) return field(':path', target)
    return one.name === ':authority' && authority !== undefined ? field(':authority', authority) : one
  })
  return request ? editFields(moved, request) : moved
}

/** Pseudo-header fields stay where they are, at the beginning. */
export const editFields = (fields: readonly Field[], { without, lines }: Edit): readonly Field[] => [
  ...fields.filter(({ name }) => !without.has(name)),
  ...lines.map(([name, value]) => field(name.toLowerCase(), value)),
]
