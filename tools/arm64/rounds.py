"""Rounds that a device plays, killed at the worst moments, and what must hold after each."""

from dataclasses import dataclass, field

from eth_typing import ChecksumAddress

from market.errors import MarketError
from market.keystore import read_address
from market.units import format_kwh
from tools.arm64.device import BIDS, HOME, NAME, PASSWORD, Device
from tools.arm64.grid import Grid, Won
from tools.arm64.program import Program, wait_until
from tools.arm64.readme import steps

_ALIVE, _STOPPED, _CRASHED = ("alive: ", 0), ("stopped ", 1), ("crashed: ", 1)


@dataclass(slots=True)
class Household:
    """Who owns the devices: one account, and what it has done so far."""

    grid: Grid
    account: ChecksumAddress = field(init=False)
    registrations: int = 0
    rounds: int = 0
    kills: int = 0

    def settle_in(self, device: Device) -> None:
        """Fill in what the README names, and write bids."""
        device.fill_in(
            RPC_URLS=self.grid.url,
            CONTRACT_ADDRESS=self.grid.market.address,
            CONSUMER_ACCOUNT=NAME,
            CONSUMER_ACCOUNT_PASS=PASSWORD,
        )
        device.write_bids()

    def register(self, device: Device) -> None:
        """Make the account, send it Ether, register it, and have the utility approve it."""
        device.make_account()
        keystore = device.root / HOME.relative_to("/") / ".brownie" / "accounts"
        address = read_address(keystore, NAME)
        if not address:
            raise MarketError("The keystore file of the new account has no address")
        self.account = address
        self.grid.fund(address)
        self._expect("is registered", device.do(steps()["register"], status=1))
        self.registrations = 1
        self.grid.approve(address)
        self._expect("is approved already", device.do(steps()["register"]))

    def play(self, device: Device, rival_wh: int = 0) -> int:
        """Play a round with the running consumer of a device, and return the request's id."""
        request_id = self.ask(rival_wh)
        self.await_bids(request_id)
        self.end(device, request_id)
        return request_id

    def ask(self, rival_wh: int = 0) -> int:
        """Have the utility open a request, in which a rival offers so much for less."""
        self.rounds += 1
        request_id = self.grid.request()
        if rival_wh:
            self.grid.outbid(request_id, rival_wh)
        return request_id

    def await_bids(self, request_id: int) -> None:
        """Return once the account's bids are on chain."""
        wait_until(lambda: self.grid.bids(request_id, self.account), "the bids")

    def end(self, device: Device, request_id: int) -> None:
        """Settle a request and check what the device makes of it; MarketError if it is wrong."""
        self.grid.settle(request_id)
        self.await_results(device, request_id)

    def await_results(self, device: Device, request_id: int) -> None:
        """Return once the final results are written; MarketError if anything is not right."""
        wait_until(lambda: self._has_results(device, request_id), "the results")
        self.grid.let_become_final()
        wait_until(lambda: self._has_results(device, request_id, final=True), "the final results")
        found: Won = [
            (one.energy_wh, one.price_wei_per_wh, one.payment_wei) for one in device.results.results
        ]
        self._require(found, self.grid.due(request_id, self.account), "results.json")
        bids = self.grid.bids(request_id, self.account)
        self._require(bids, self.grid.wanted_bids(request_id, BIDS), "the bids on chain")
        sent = self.registrations + self.rounds
        self._require(self.grid.nonce(self.account), sent, "the account's transactions")
        won = " and ".join(f"{format_kwh(energy_wh)} kWh" for energy_wh, *_ in found) or "nothing"
        print(
            f"  round {self.rounds}: {len(bids)} bids on chain once, won {won} as the rule says; "
            f"transactions of the account: {sent}",
            flush=True,
        )

    def kill(self, device: Device, consumer: Program) -> None:
        """Kill a consumer as a power cut does."""
        consumer.kill()
        self.kills += 1
        print(f"  killed (kill {self.kills})", flush=True)
        device.require_status(*_CRASHED)

    def _has_results(self, device: Device, request_id: int, *, final: bool = False) -> bool:
        """Return whether the results of a request are written, also as final if that is asked."""
        try:
            results = device.results
        except MarketError:
            return False
        return results.request_id == request_id and results.final >= final

    def _expect(self, text: str, said: str) -> None:
        if text not in said:
            raise MarketError(f'It did not say "{text}" but: {said}')

    def _require(self, found: object, wanted: object, what: str) -> None:
        if found != wanted:
            raise MarketError(f"Round {self.rounds}: {what}: {found} instead of {wanted}")


def play_under_kills(household: Household, device: Device) -> None:
    """Play four rounds: one in peace, one killed after the bids, one while waiting, one lost."""
    consumer = device.start()
    device.require_status(*_ALIVE)
    household.play(device)

    request_id = household.ask(rival_wh=2500)
    household.await_bids(request_id)
    household.kill(device, consumer)
    household.grid.settle(request_id)
    consumer = device.start()
    household.await_results(device, request_id)

    household.kill(device, consumer)
    request_id = household.ask(rival_wh=4000)
    consumer = device.start()
    household.await_bids(request_id)
    household.end(device, request_id)

    household.play(device, rival_wh=5000)
    consumer.stop()
    device.require_status(*_STOPPED)
