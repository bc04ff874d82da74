/** Time that passes only when the test says so. */
export function fakeClock() {
  let now = 0;
  let timers = [];
  return {
    now: () => now,
    random: () => 0.5,
    setTimeout: (run, ms) => {
      const timer = { run, at: now + ms };
      timers.push(timer);
      return timer;
    },
    clearTimeout: (timer) => {
      timers = timers.filter((other) => other !== timer);
    },
    /** Time passes, but no timer runs: the machine sleeps, or the process is frozen. */
    freeze: (ms) => void (now += ms),
    pending: () => timers.map((timer) => timer.at - now).sort((a, b) => a - b),
    /** Lets time pass, and whatever was waiting for a promise run. */
    async pass(ms) {
      const end = now + ms;
      await settle();
      for (;;) {
        const [next] = timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at);
        if (next === undefined) break;
        now = Math.max(now, next.at); // late after a freeze
        timers = timers.filter((timer) => timer !== next);
        next.run();
        await settle();
      }
      now = end;
      await settle();
    },
  };
}

export const settle = () => new Promise((resolve) => setImmediate(resolve));
