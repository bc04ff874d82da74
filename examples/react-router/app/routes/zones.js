import { verdictContext } from "../check.server.js";

export const loader = ({ context }) => new Response(`hello ${context.get(verdictContext).name}\n`);
