import { closeSync, openSync, readFileSync } from 'node:fs'

/** What the process holds beside connections: its own files, ports, pipes, and the controller's connection. */
const ownDescriptors = 32
/** The rest is for connections to the app and to peers: as many requests are seldom under way as clients are connected. */
const clientShare = 0.8

/**
 * How many connections of clients this process has descriptors for, all ports together. Beyond them a client hears so, where the kernel
 * would keep it waiting: Bun leaves it in the queue and asks for it over and over, Node closes it. No limit where the kernel tells none.
 */
export function roomForClients(): number {
  let limits = ''
  try {
    limits = readFileSync('/proc/self/limits', 'latin1')
  } catch {
    return Number.POSITIVE_INFINITY
  }
  return roomWithin(Number(/^Max open files +(\d+)/m.exec(limits)?.[1] ?? Number.POSITIVE_INFINITY))
}

/** Of so many descriptors. */
export const roomWithin = (descriptors: number): number => Math.max(1, Math.floor((descriptors - ownDescriptors) * clientShare))

/** Whether there is no descriptor left, found out by asking for one. */
export function isOutOfDescriptors(): boolean {
  try {
    closeSync(openSync('/', 'r'))
    return false
  } catch {
    return true
  }
}
