// The client: what the page can ask of it. The files beside it have the parts (`facade_*.ts`); the modules do the work.

import type { Environment } from "./context";
import { Grouping } from "./facade_groups";
import type { Messenger } from "./messenger";
import type { DeviceInfo, LinkOptions, NewDevice, SafetyNumber, StorageState } from "./model";
import { idOf } from "./tab";

export function createMessenger(environment: Environment): LocalMessenger {
  return new LocalMessenger(environment);
}

/** Every call is `async`, also where nothing is waited for: what goes wrong has to reject. */
/* eslint-disable @typescript-eslint/require-await */
export class LocalMessenger extends Grouping implements Messenger {
  async safetyNumber(account: string): Promise<SafetyNumber> {
    return this.inside.people.safetyNumber(idOf(account));
  }

  async verify(account: string, key: Uint8Array): Promise<void> {
    await this.inside.people.verify(idOf(account), key);
  }

  async acknowledge(account: string): Promise<void> {
    await this.inside.people.acknowledge(idOf(account));
  }

  async askAgain(line: string): Promise<void> {
    this.inside.doctor.askAgain(line);
  }

  async devices(): Promise<DeviceInfo[]> {
    return this.inside.ownDevices.all();
  }

  async canManage(): Promise<boolean> {
    return this.inside.ownDevices.canManage;
  }

  async readLink(code: string): Promise<NewDevice> {
    return this.inside.approver.read(code);
  }

  async approveLink(code: string, options: LinkOptions): Promise<void> {
    await this.inside.approver.approve(code, options);
  }

  async suspendDevice(device: string): Promise<void> {
    await this.inside.ownDevices.suspend(device);
  }

  async removeDevice(device: string, options: { newIdentity: boolean }): Promise<void> {
    await this.inside.ownDevices.remove(device, options);
  }

  async storage(): Promise<StorageState> {
    return this.environment.stores.persist();
  }

  async reconnect(): Promise<void> {
    this.inside.connect();
  }
}
