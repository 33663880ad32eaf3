import fs from 'node:fs'
import { posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import { mappedPath, type PodContext } from './pod-context.ts'

type Callable = (this: unknown, ...values: unknown[]) => unknown

/** Functions of node:fs by how many of their first arguments are paths. Each exists as `x`, and where Node has them as `xSync` and in promises. */
const onePath = [
  'access', 'appendFile', 'chmod', 'chown', 'createReadStream', 'createWriteStream', 'exists', 'lchown', 'lstat', 'lutimes', 'mkdir', 'mkdtemp',
  'open', 'openAsBlob', 'opendir', 'readFile', 'readdir', 'readlink', 'realpath', 'rm', 'rmdir', 'stat', 'statfs', 'truncate', 'unlink', 'unwatchFile',
  'utimes', 'watch', 'watchFile', 'writeFile',
]
const twoPaths = ['copyFile', 'cp', 'link', 'rename']
/** The target of a symbolic link is text and is followed by the system: only the second argument is a place. */
const secondPath = ['symlink']

/** Makes file paths below the pod's mounts mean the pod's own files, for all of node:fs. */
export function installMounts(context: PodContext): void {
  if (context.mounts.length === 0) return
  const map = (value: unknown): unknown => {
    const path = asPath(value)
    return path === undefined ? value : keepUnlessMapped(value, path, mappedPath(context, posix.normalize(path)))
  }
  const sets: readonly (readonly [readonly string[], readonly number[]])[] = [
    [onePath, [0]],
    [twoPaths, [0, 1]],
    [secondPath, [1]],
  ]
  for (const [names, positions] of sets) {
    for (const name of names) {
      wrap(fs, name, positions, map)
      wrap(fs, `${name}Sync`, positions, map)
      wrap(fs.promises, name, positions, map)
    }
  }
}

function wrap(holder: object, name: string, positions: readonly number[], map: (value: unknown) => unknown): void {
  const functions = holder as Record<string, Callable | undefined>
  const original = functions[name]
  if (typeof original !== 'function') return
  const replacement: Callable = function (this: unknown, ...values) {
    for (const position of positions) if (position < values.length) values[position] = map(values[position])
    return Reflect.apply(original, this, values)
  }
  // Keeps realpath.native, and exists' and others' promisified form.
  for (const key of Reflect.ownKeys(original)) {
    const property = Object.getOwnPropertyDescriptor(original, key)
    if (property?.configurable === true || key === 'native') Object.defineProperty(replacement, key, property ?? {})
  }
  const native = (original as unknown as { native?: Callable }).native
  if (native) Object.assign(replacement, { native: (...values: unknown[]) => native(map(values[0]), ...values.slice(1)) })
  functions[name] = replacement
}

/** Absolute paths in the three forms that node:fs takes; undefined for descriptors and relative paths, which need no mapping. */
function asPath(value: unknown): string | undefined {
  if (typeof value === 'string') return value.startsWith('/') ? value : undefined
  if (value instanceof URL) return value.protocol === 'file:' ? fileURLToPath(value) : undefined
  if (Buffer.isBuffer(value)) return value[0] === 0x2f ? value.toString() : undefined
  return undefined
}

/** What is not below a mount goes on exactly as it came. */
const keepUnlessMapped = (value: unknown, path: string, mapped: string): unknown => (mapped === posix.normalize(path) ? value : mapped)
