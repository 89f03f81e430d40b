// What can go wrong on a link: see LinkMode (testing/links/proxy.ts).
import type { LinkMode, LinkOptions } from "../../../testing/links/links.ts";
import type { Fault } from "../stage/scenario.ts";

export function linkFault(linkName: string, mode: LinkMode, options: LinkOptions = {}): Fault {
  return {
    name: `link ${linkName} ${mode}`,
    touches: ({ links }) => links.link(linkName).touches(),
    async begin({ links }) {
      const link = links.link(linkName);
      link.set(mode, options);
      return async () => {
        const touches = link.touches();
        link.set("pass");
        return { touches };
      };
    },
  };
}
