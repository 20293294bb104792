/**
 * Which of a busy server's requests become slices. To a person the ten-thousandth quick request of a second tells
 * nothing that the hundredth did not, but each costs the server some microseconds here and as much again on its way
 * to the file: both are code that runs too rarely to be warm. So all of a second are kept up to a number, and beyond it
 *
 *     failed     all                                                           } up to the same number again,
 *     slow       all that took `SLOW` times the mean of the second before      } together
 *     others     every n-th, n such that after a busy second a lower rate is about held
 *
 * so that what somebody would look for is there whatever the load. How many were left out is counted.
 *
 * A second begins with the first request after the one before has passed. Cost: some 10 ns a request.
 */

/** Requests of a second that are all kept: a file grows by a megabyte in five seconds with them. */
const MOST = 1000;
/** Those a second that are kept of a server that goes on having more: one takes some 30 us with its way to the file. */
const BUSY_RATE = 100;
const SLOW = 4;
const SECOND_US = 1e6;

export class RequestShare {
  /** Requests that were left out, ever. */
  leftOut = 0;
  readonly #turned: () => void;
  readonly #most: number;
  readonly #busyRate: number;
  #secondUs = Number.NEGATIVE_INFINITY;
  /** Of this second: requests, what they took together, slow and failed ones that were kept. */
  #count = 0;
  #sumUs = 0;
  #notable = 0;
  #slowUs = Number.POSITIVE_INFINITY;
  /** Of how many one is kept, and how many go before the next one. */
  #stride = 1;
  #skip = 0;

  /**
   * @param turned called now and then while requests are left out, a second apart or more
   * @param most requests of a second that are all kept
   * @param busyRate how many a second are kept, about, where more than that keep coming
   */
  constructor(turned: () => void, most = MOST, busyRate = Math.min(most, BUSY_RATE)) {
    this.#most = most;
    this.#busyRate = busyRate;
    this.#turned = turned;
  }

  /** @param nowUs when it ended. @returns whether this request is kept */
  keeps(nowUs: number, durationUs: number, failed: boolean): boolean {
    if (nowUs - this.#secondUs >= SECOND_US) this.#turn(nowUs);
    this.#count++;
    this.#sumUs += durationUs;
    if ((failed || durationUs >= this.#slowUs) && this.#notable < this.#most) {
      this.#notable++;
      return true;
    }
    if (this.#skip > 0) {
      this.#skip--;
      this.leftOut++;
      return false;
    }
    // In a second that is busier than the one before the share comes down as they come.
    this.#skip = Math.max(this.#stride, Math.ceil(this.#count / this.#most)) - 1;
    return true;
  }

  #turn(nowUs: number): void {
    const seconds = (nowUs - this.#secondUs) / SECOND_US;
    const rate = this.#count / seconds;
    const stride = rate > this.#most ? Math.ceil(rate / this.#busyRate) : 1;
    if (this.#stride > 1 || stride > 1 || this.#skip > 0) this.#turned();
    this.#stride = stride;
    this.#skip = Math.min(this.#skip, stride - 1);
    this.#slowUs = this.#count > 0 ? (SLOW * this.#sumUs) / this.#count : Number.POSITIVE_INFINITY;
    this.#secondUs = nowUs;
    this.#count = 0;
    this.#sumUs = 0;
    this.#notable = 0;
  }
}
