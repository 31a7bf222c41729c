/** What answers the page. A page without a server has another file in this one's place. */
export { HttpService as Service } from './http_service.js';
