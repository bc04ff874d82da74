export const GET = ({ locals }) => new Response(`hello ${locals.edgelatch.name}\n`);
