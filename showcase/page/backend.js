/** What answers this page: a recording, which the browser keeps. */
import { keepForOffline } from './offline.js';

export { RecordedService as Service } from './recorded_service.js';

keepForOffline();
