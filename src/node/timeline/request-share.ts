/**
 * Which of a busy server's requests become slices. To a person the ten-thousandth quick request of a second tells
 * nothing that the hundredth did not, but each costs the server a microsecond or two here and as much again on its way
 * to the file. So all are kept up to a rate, and beyond it
 *
 *     failed     all                                                           } up to the same rate again,
 *     slow       all that took `SLOW` times the mean of the second before      } together
 *     others     every n-th, n such that the rate is about held
 *
 * so that what somebody would look for is there whatever the load. How many were left out is counted.
 *
 * A second begins with the first request after the one before has passed. Cost: some 10 ns a request.
 */

/** Requests a second that are all kept: a file grows by a megabyte in five seconds with them. */
const RATE = 1000;
const SLOW = 4;
const SECOND_US = 1e6;

export class RequestShare {
  /** Requests that were left out, ever. */
  leftOut = 0;
  readonly #turned: () => void;
  readonly #rate: number;
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
   * @param rate requests a second that are all kept
   */
  constructor(turned: () => void, rate = RATE) {
    this.#rate = rate;
    this.#turned = turned;
  }

  /** @param nowUs when it ended. @returns whether this request is kept */
  keeps(nowUs: number, durationUs: number, failed: boolean): boolean {
    if (nowUs - this.#secondUs >= SECOND_US) this.#turn(nowUs);
    this.#count++;
    this.#sumUs += durationUs;
    if ((failed || durationUs >= this.#slowUs) && this.#notable < this.#rate) {
      this.#notable++;
      return true;
    }
    if (this.#skip > 0) {
      this.#skip--;
      this.leftOut++;
      return false;
    }
    // In a second that is busier than the one before the share comes down as they come.
    this.#skip = Math.max(this.#stride, Math.ceil(this.#count / this.#rate)) - 1;
    return true;
  }

  #turn(nowUs: number): void {
    const seconds = (nowUs - this.#secondUs) / SECOND_US;
    const stride = Math.max(1, Math.ceil(this.#count / seconds / this.#rate));
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
