/**
 * Those who come and go and are now and then called together. Not a Set, for the reason that h2/open-streams.ts gives: where
 * each request has a connection of its own, Sets of connections took a quarter of its time.
 */
export class Crowd<T> {
  private readonly seats: Seat<T>[] = []

  get size(): number {
    return this.seats.length
  }

  /** Whoever enters keeps the seat, in order to leave. */
  enter(member: T): Seat<T> {
    const seat = { member, at: this.seats.length }
    this.seats.push(seat)
    return seat
  }

  /** The last one moves into the place that becomes free. A second time changes nothing. */
  leave(seat: Seat<T>): void {
    if (this.seats[seat.at] !== seat) return
    const last = this.seats.pop()
    if (last === undefined || last === seat) return
    this.seats[seat.at] = last
    last.at = seat.at
  }

  /** Calls everybody, a few perhaps twice where others leave meanwhile; whoever enters meanwhile may be called or not. */
  forEach(visit: (member: T) => void): void {
    for (let at = this.seats.length - 1; at >= 0; at -= 1) {
      const seat = this.seats[at]
      if (seat) visit(seat.member)
    }
  }

  clear(): void {
    this.seats.length = 0
  }
}

export interface Seat<T> {
  readonly member: T
  at: number
}
