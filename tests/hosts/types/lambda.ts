// Lambda's handlers, typed by `@types/aws-lambda`.
import type { ALBHandler, ALBEvent, ALBResult, APIGatewayProxyEvent, APIGatewayProxyEventV2, APIGatewayProxyHandlerV2, APIGatewayProxyResult, APIGatewayProxyResultV2, APIGatewayProxyStructuredResultV2, CloudFrontRequestEvent, Context, LambdaFunctionURLEvent } from "aws-lambda";
import type { Verifier } from "edgelatch";
import { protect, protectEdge } from "edgelatch/lambda";

declare const verifier: Verifier;
export const rest: (event: APIGatewayProxyEvent, context: Context) => Promise<APIGatewayProxyResult> = protect(
  async (event: APIGatewayProxyEvent, verdict) => ({ statusCode: 200, body: `${event.resource} ${verdict.keyId}` }),
  { verifier, requirement: (_info, event) => ({ permission: event.resource }) },
);
export const http: APIGatewayProxyHandlerV2 = protect(
  async (event: APIGatewayProxyEventV2, verdict, context: Context): Promise<APIGatewayProxyResultV2> => `${event.routeKey} ${verdict.keyId} ${context.awsRequestId}`,
  { verifier, refuse: (verdict): APIGatewayProxyStructuredResultV2 => ({ statusCode: 404, body: verdict.code }) },
);
export const url = protect((event: LambdaFunctionURLEvent, verdict, _context: Context) => ({ statusCode: 200, body: event.rawPath + verdict.code }), { verifier, optional: true });
export const alb: ALBHandler = protect(async (event: ALBEvent, verdict, _context: Context): Promise<ALBResult> => ({ statusCode: 200, body: event.path + verdict.code }), { verifier });
export const edge: (event: CloudFrontRequestEvent, context: Context) => unknown = protectEdge(async (request, verdict, _context: Context) => (verdict.ok ? request : { status: "404" }), { verifier });
// @ts-expect-error a misspelt option
protect(() => ({ statusCode: 200 }), { verifier, optionel: true });
