// What the same check looks like without us: the keys as JSON, a Map by digest, Node's BlockList.

/** The moment all snapshots of the benchmark are valid at. */
export const NOW = 1_750_000_000;

/** Prepares a realm and returns its check. */
export function plainRealm({ policies, keys }, BlockList) {
  const lists = policies.map((entries) => {
    const list = new BlockList();
    for (const entry of entries) {
      const [net, prefix] = entry.split("/");
      list.addSubnet(net, Number(prefix), net.includes(":") ? "ipv6" : "ipv4");
    }
    return list;
  });
  const roles = new Map([["reader", new Set(["read"])]]);
  const byDigest = new Map(keys.map((key) => [key.digest, key]));
  return (digest, ip, family) => {
    const key = byDigest.get(digest);
    if (key === undefined || key.revoked || (key.expires !== undefined && NOW >= key.expires)) return false;
    if (!lists[key.policy].check(ip, family)) return false;
    return key.roles.some((role) => roles.get(role)?.has("read"));
  };
}
