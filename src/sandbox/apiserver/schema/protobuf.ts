import type { Json, JsonObject } from '../../../base/json.ts'
import { coreTypes } from './core-types.ts'
import { groupTypes } from './group-types.ts'

/**
 * Reads Kubernetes' protobuf bodies, which kubectl sends for `create namespace`, `create configmap`, `auth can-i` and the like even
 * where it reads JSON. Field numbers stand in the notation as `#3`; `#3?` is a field that may be absent, so that its zero means
 * something; `#2.5` is field 5 of a message inlined as field 2.
 */
const magic = 'k8s\0'

interface Field {
  readonly name: string
  readonly type: string
  readonly section: string
  readonly keepsZero: boolean
}

type Fields = Map<number, Field | Fields>

let tables: ReadonlyMap<string, Fields> | undefined

export const isProtobuf = (body: Buffer): boolean => body.subarray(0, 4).toString('latin1') === magic

/** The object in a body, by its own apiVersion and kind. Throws Error for what is no such body or an unknown type. */
export function decodeProtobuf(body: Buffer): JsonObject {
  tables ??= parseTables(`${coreTypes}${groupTypes}`)
  let apiVersion = ''
  let kind = ''
  let raw: Uint8Array = body.subarray(0, 0)
  for (const { number, bytes } of readFields(body.subarray(4))) {
    if (number === 2) raw = bytes
    if (number !== 1) continue
    for (const part of readFields(bytes)) {
      if (part.number === 1) apiVersion = text(part.bytes)
      if (part.number === 2) kind = text(part.bytes)
    }
  }
  return { apiVersion, kind, ...decodeMessage(raw, `${sectionOf(apiVersion)}/${kind}`, tables) }
}

/** `apps/v1` → `apps`, `rbac.authorization.k8s.io/v1` → `rbac`, `v1` → `core`: the sections of the notation. */
function sectionOf(apiVersion: string): string {
  const group = apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : 'core'
  return group === 'autoscaling' && apiVersion.endsWith('/v1') ? 'autoscalingv1' : (group.split('.')[0] ?? '')
}

function parseTables(notation: string): ReadonlyMap<string, Fields> {
  const found = new Map<string, Fields>()
  let section = ''
  for (const line of notation.split('\n').filter((one) => one !== '')) {
    if (line.startsWith('# ')) section = line.split(' ')[1] ?? ''
    else found.set(`${section}/${line.split(' ')[0] ?? ''}`, parseFields(line, section))
  }
  return found
}

function parseFields(line: string, section: string): Fields {
  const root: Fields = new Map()
  for (const [, name = '', type = '', path = '', optional] of line.matchAll(/([\w$-]+)!?: (\S+) #([\d.]+)(\?)?/g)) {
    const numbers = path.split('.').map(Number)
    const last = numbers.pop() ?? 0
    let table = root
    for (const number of numbers) {
      const inner = table.get(number)
      const next: Fields = inner instanceof Map ? inner : new Map()
      table.set(number, next)
      table = next
    }
    table.set(last, { name, type, section, keepsZero: optional === '?' })
  }
  return root
}

interface Wire {
  readonly number: number
  /** Of a varint; for other wire types 0. */
  readonly value: bigint
  readonly bytes: Uint8Array
}

function readVarint(buffer: Uint8Array, start: number): { readonly value: bigint; readonly next: number } {
  let value = 0n
  for (let index = start, shift = 0n; index < buffer.length; index += 1, shift += 7n) {
    const byte = buffer[index] ?? 0
    value |= BigInt(byte & 0x7f) << shift
    if (byte < 0x80) return { value, next: index + 1 }
  }
  throw new Error('the protobuf body is cut short')
}

function* readFields(buffer: Uint8Array): Generator<Wire> {
  for (let at = 0; at < buffer.length; ) {
    const tag = readVarint(buffer, at)
    const number = Number(tag.value >> 3n)
    const wireType = Number(tag.value & 7n)
    const first = wireType === 0 || wireType === 2 ? readVarint(buffer, tag.next) : { value: wireType === 1 ? 8n : 4n, next: tag.next }
    const end = wireType === 0 ? first.next : first.next + Number(first.value)
    if (end > buffer.length) throw new Error('the protobuf body is cut short')
    yield { number, value: wireType === 0 ? first.value : 0n, bytes: buffer.subarray(first.next, end) }
    at = end
  }
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8')

function decodeMessage(bytes: Uint8Array, type: string, known: ReadonlyMap<string, Fields>): JsonObject {
  const fields = known.get(type)
  if (fields === undefined) throw new Error(`the server knows no protobuf type ${type}`)
  return decodeFields(bytes, fields, known)
}

function decodeFields(bytes: Uint8Array, fields: Fields, known: ReadonlyMap<string, Fields>): JsonObject {
  const object: Record<string, Json | undefined> = {}
  for (const wire of readFields(bytes)) {
    const field = fields.get(wire.number)
    if (field === undefined) continue
    if (field instanceof Map) {
      Object.assign(object, decodeFields(wire.bytes, field, known))
      continue
    }
    const { name, type } = field
    const before = object[name]
    if (type.startsWith('[')) object[name] = [...(Array.isArray(before) ? (before as Json[]) : []), decodeValue(wire, type.slice(1, -1), field, known)]
    else if (type.startsWith('{')) object[name] = { ...(before as JsonObject | undefined), ...decodeEntry(wire, type.slice(1, -1), field, known) }
    else {
      const value = decodeValue(wire, type, field, known)
      if (value !== null && (field.keepsZero || !(value === '' || value === 0 || value === false))) object[name] = value
    }
  }
  return object
}

function decodeEntry({ bytes }: Wire, type: string, field: Field, known: ReadonlyMap<string, Fields>): JsonObject {
  let key = ''
  let value: Json = ''
  for (const part of readFields(bytes)) {
    if (part.number === 1) key = text(part.bytes)
    // A list as the value of a map is wrapped in a message of its own.
    else if (type.startsWith('[')) value = [...readFields(part.bytes)].map((item) => text(item.bytes))
    else value = decodeValue(part, type, field, known)
  }
  return { [key]: value }
}

function decodeValue({ value, bytes }: Wire, type: string, { section }: Field, known: ReadonlyMap<string, Fields>): Json {
  switch (type) {
    case 'string':
      return text(bytes)
    case 'bytes':
      return Buffer.from(bytes).toString('base64')
    case 'bool':
      return value !== 0n
    case 'int32':
    case 'int64':
      return Number(BigInt.asIntN(64, value))
    case 'double':
      return Buffer.from(bytes).readDoubleLE()
    case 'time':
    case 'microTime':
      return decodeTime(bytes, type === 'time')
    case 'quantity':
      return text([...readFields(bytes)][0]?.bytes ?? new Uint8Array())
    case 'intOrString':
      return decodeIntOrString(bytes)
    case 'any': {
      const raw = [...readFields(bytes)][0]?.bytes
      return raw === undefined || raw.length === 0 ? null : (JSON.parse(text(raw)) as Json)
    }
    default:
      return decodeMessage(bytes, type.includes('/') ? type : `${section}/${type}`, known)
  }
}

function decodeTime(bytes: Uint8Array, isWhole: boolean): string | null {
  const parts = [...readFields(bytes)]
  if (parts.length === 0) return null
  const seconds = Number(BigInt.asIntN(64, parts.find(({ number }) => number === 1)?.value ?? 0n))
  const nanos = Number(parts.find(({ number }) => number === 2)?.value ?? 0n)
  const whole = new Date(seconds * 1000).toISOString().slice(0, 19)
  return isWhole ? `${whole}Z` : `${whole}.${String(Math.floor(nanos / 1000)).padStart(6, '0')}Z`
}

function decodeIntOrString(bytes: Uint8Array): Json {
  const parts = [...readFields(bytes)]
  const isText = parts.some(({ number, value }) => number === 1 && value === 1n)
  return isText ? text(parts.find(({ number }) => number === 3)?.bytes ?? new Uint8Array()) : Number(BigInt.asIntN(32, parts.find(({ number }) => number === 2)?.value ?? 0n))
}
