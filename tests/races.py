"""Two things at the same instant: threads with connections of their own, and who waits for whom."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Barrier

from django.db import connection

from tests.database import admin_connection
from tests.processes import wait_until


def in_a_connection_of_its_own[T](work: Callable[[], T]) -> T:
    try:
        return work()
    finally:
        connection.close()


def meanwhile[T](work: Callable[[], T]) -> Future[T]:
    """`work`, begun in another thread. Ask for its result before the test ends."""
    pool = ThreadPoolExecutor(1)
    begun = pool.submit(in_a_connection_of_its_own, work)
    pool.shutdown(wait=False)
    return begun


def someone_waits_for_a_lock() -> bool:
    """In this test's database, whatever else the server is doing."""
    with admin_connection() as admin:
        waiting = "SELECT 1 FROM pg_stat_activity WHERE datname = %s AND wait_event_type = 'Lock'"
        return admin.execute(waiting, [connection.settings_dict["NAME"]]).fetchone() is not None


def wait_for_a_lock(what: str) -> None:
    wait_until(someone_waits_for_a_lock, what=what)


def all_at_once[T](*works: Callable[[], T]) -> list[T | Exception]:
    """What each returned or raised; all begin at the same moment."""
    start = Barrier(len(works))

    def begin(work: Callable[[], T]) -> T | Exception:
        try:
            start.wait(30)
            return work()
        except Exception as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(begin, works))
