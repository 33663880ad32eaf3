import { readRole, type Role } from './role.ts'

/**
 * One header field. Objects of the tables are shared: what a connection repeats is decoded and judged once, and its place in the
 * other connection's table is found by `key` alone.
 */
export interface Field {
  /** Lower case. */
  readonly name: string
  /** latin1: one character a byte. */
  readonly value: string
  /** Name and value in one string, for maps. */
  readonly key: string
  /** No table may keep it, here or at any later hop (RFC 7541 §7.1.3). */
  readonly isSensitive: boolean
  readonly role: Role
}

// No name has a colon but at its beginning, so keys of different fields differ.
export const field = (name: string, value: string, isSensitive = false): Field => ({ name, value, key: `${name}: ${value}`, isSensitive, role: readRole(name, value) })

/** What a field costs in a table or a header list (RFC 7541 §4.1). */
export const sizeOf = ({ name, value }: Field): number => name.length + value.length + 32
